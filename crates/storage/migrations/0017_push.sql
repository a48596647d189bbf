-- Web Push (网页推送, RFC 8030): what the inbox says, told to the browsers of drivers who asked for it.
-- It waits, is claimed and tried again among the texts.

-- How a row of texts leaves.
--   channel          'sms': to a phone, by the gateway; 'push': to a browser, by its push service
--   subscription_id  of a push: the subscription that it was queued for. to_sealed is then where that
--                    browser is reached and for whom it is encrypted, as JSON, and kind that of the message
ALTER TABLE texts ADD COLUMN channel TEXT NOT NULL DEFAULT 'sms' CHECK (channel IN ('sms', 'push'));
ALTER TABLE texts ADD COLUMN subscription_id TEXT CHECK ((subscription_id IS NULL) = (channel = 'sms'));
DROP INDEX texts_due;
CREATE INDEX texts_due ON texts (channel, next_at) WHERE state = 'queued';

-- Browsers that are told, one for each device at most. A subscription ends with its device, when
-- somebody signs out on it or turns it off, and when the push service says that it is no more; its row
-- is deleted then, since nothing of it is needed.
--   target_sealed  where the browser is reached and for whom messages to it are encrypted, JSON
CREATE TABLE push_subscriptions (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  target_sealed BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (partition, id)
) /* grows */;
CREATE UNIQUE INDEX push_subscriptions_device ON push_subscriptions (partition, device_id);
CREATE INDEX push_subscriptions_of_holder ON push_subscriptions (partition, holder_id);

-- The key by which push services know this installation (VAPID, RFC 8292): one, made when the first
-- browser asks for it. Every subscription is good with it only.
CREATE TABLE push_keys (
  id TEXT NOT NULL PRIMARY KEY CHECK (id = 'vapid'),
  secret_sealed BYTEA NOT NULL,
  created_at BIGINT NOT NULL
);
