-- Text messages (短信) that leave the system, queued in the transaction of the act that they tell of.
--   queued -> sent -> delivered | failed;  queued -> delivered | failed | given-up
-- A text that is being sent is still queued: its next_at is then the end of the sender's lease, so
-- that another node sends it when this one died. Sending is therefore at least once; the receiver
-- knows a repetition by the id.
--   notification_id  the message in the inbox that says the same, if there is one
--   kind             stable name of what it says
--   to_sealed        the phone number
--   params_sealed    JSON that goes into the words; may hold a code or the secret of a link. Erased
--                    when the text leaves the queue: nothing is sent twice from then on
--   attempts         how often sending was begun; guards the record of an outcome
--   next_at          when it is due; NULL once it left the queue
--   last_error       stable code of what kept it, never an answer's text
--   gateway_ref      the gateway's own name for it
--   expires_at       from when it is not sent any more
--   settled_at       when the present state was reached
CREATE TABLE texts (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  notification_id TEXT,
  kind TEXT NOT NULL,
  to_sealed BYTEA NOT NULL,
  params_sealed BYTEA,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'delivered', 'failed', 'given-up')),
  attempts BIGINT NOT NULL CHECK (attempts >= 0),
  next_at BIGINT,
  last_error TEXT,
  gateway_ref TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  settled_at BIGINT NOT NULL,
  PRIMARY KEY (partition, id),
  CHECK ((state = 'queued') = (next_at IS NOT NULL)),
  CHECK ((state = 'queued') = (params_sealed IS NOT NULL)),
  CHECK (state NOT IN ('failed', 'given-up') OR last_error IS NOT NULL)
) /* grows */;
CREATE INDEX texts_due ON texts (next_at) WHERE state = 'queued';
CREATE INDEX texts_of_holder ON texts (partition, holder_id, created_at);
CREATE INDEX texts_created ON texts (created_at);
