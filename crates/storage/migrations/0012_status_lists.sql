-- The published status lists. They are one row for a million credentials, and of no holder: nothing
-- here grows with drivers or with use.

-- How far the newest publication knows the outbox: one row, none before the first.
--   edition   counts up with every write of lists; whoever writes moves it from the one it has seen
--   cursors   JSON with its version: the number of the newest event of each partition that the
--             published values know. It only moves on, so that a node that lags behind never
--             publishes an older state over a newer
CREATE TABLE status_publications (
  id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  edition BIGINT NOT NULL,
  at BIGINT NOT NULL,
  cursors TEXT NOT NULL
);

-- The lists. published -> retired, when the last of its credentials has expired.
--   digest       of the values and of the keys that signed them: another one is published anew
--   issued_at    the instant as of which its values were so
--   expires_at   from then on the published forms are stale
CREATE TABLE status_lists (
  list BIGINT NOT NULL PRIMARY KEY,
  digest BYTEA NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  retired_at BIGINT
);

-- The signed forms of a list that is not retired.
--   bits       2 for anybody, 4 for authorised verifiers
--   form       'jwt' | 'cwt'
--   document   the signed token;  size  its bytes;  sha256  names it
CREATE TABLE status_list_forms (
  list BIGINT NOT NULL,
  bits BIGINT NOT NULL CHECK (bits IN (2, 4)),
  suite TEXT NOT NULL,
  form TEXT NOT NULL CHECK (form IN ('jwt', 'cwt')),
  size BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  document BYTEA NOT NULL,
  PRIMARY KEY (list, bits, suite, form)
);
