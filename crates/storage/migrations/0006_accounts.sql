-- Accounts that cannot be taken over: devices, sessions bound to them, codes by phone, freezing.

-- What guards a driver's account, also before there is one.
--   frozen_at            since when the account is frozen (冻结); NULL: it is not. While it is, no device
--                        lives, nothing activates it, and no numeric code is good
--   phone_held_until     the registry's phone number changed: until then it activates nothing
--   former_phone_sealed  the number before that change, which is told of what happens until then
--   phone_codes_at       when the allowance of codes by phone is whole again (NULL: it is); each code
--                        moves it on, and one that would move it too far is not sent
ALTER TABLE drivers ADD COLUMN frozen_at BIGINT;
ALTER TABLE drivers ADD COLUMN phone_held_until BIGINT;
ALTER TABLE drivers ADD COLUMN former_phone_sealed BYTEA;
ALTER TABLE drivers ADD COLUMN phone_codes_at BIGINT;

-- When somebody had the password right on a device that is none of the account's, and when the
-- driver was last warned of it. The sign-in only notes it; a job warns.
ALTER TABLE accounts ADD COLUMN warn_at BIGINT;
ALTER TABLE accounts ADD COLUMN warned_at BIGINT;
CREATE INDEX accounts_to_warn ON accounts (warn_at) WHERE warn_at IS NOT NULL;

-- Devices (设备) on which a driver proved who they are. Only the hash of a device's secret is kept.
--   living -> ended; a device that is not seen until expires_at is no device either
--   client        what kind of client it is, as it says itself
--   proof         how the person was proved when it was added
--   last_seen_at  when somebody last signed in on it
CREATE TABLE devices (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  secret_hash BYTEA NOT NULL,
  client TEXT NOT NULL CHECK (client IN ('phone', 'computer', 'other')),
  proof TEXT NOT NULL CHECK (proof IN ('counter-code', 'phone-code', 'person-check')),
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT,
  ended_as TEXT CHECK (ended_as IN ('removed', 'replaced', 'recovered', 'frozen')),
  PRIMARY KEY (partition, id),
  CHECK ((ended_at IS NULL) = (ended_as IS NULL))
) /* grows */;
CREATE UNIQUE INDEX devices_secret ON devices (partition, secret_hash);
CREATE INDEX devices_of_holder ON devices (partition, holder_id, created_at);

-- A driver's session is good on one device only; NULL for staff. Sessions from before there were
-- devices end here: their drivers activate again.
ALTER TABLE sessions ADD COLUMN device_id TEXT;
DELETE FROM sessions WHERE kind = 'holder';

-- Requests for a code by phone (验证码). Every request has a row, also for a number that nobody has:
-- holder_id is then a name of nobody, and no code is ever made. So nothing shows who exists.
--   waiting (text_due) -> sent (code_blind) -> closed
--   id        SHA-256 of the name that the client got, in hexadecimal
--   text_due  since when a code is to be made and sent; NULL once it is, or where none will be
--   attempts  wrong tries so far: they count against this request alone
CREATE TABLE phone_challenges (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  text_due BIGINT,
  code_blind BYTEA,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  closed_at BIGINT,
  closed_as TEXT CHECK (closed_as IN ('used', 'guessed', 'frozen')),
  PRIMARY KEY (partition, id),
  CHECK ((closed_at IS NULL) = (closed_as IS NULL)),
  CHECK (text_due IS NULL OR code_blind IS NULL AND closed_at IS NULL)
) /* grows */;
CREATE INDEX phone_challenges_due ON phone_challenges (text_due) WHERE text_due IS NOT NULL;
CREATE INDEX phone_challenges_of_holder ON phone_challenges (partition, holder_id);
CREATE INDEX phone_challenges_old ON phone_challenges (expires_at);

-- Links that freeze an account, sent with every warning: single use, and only their hash is kept.
CREATE TABLE freeze_links (
  partition BIGINT NOT NULL,
  token_hash BYTEA NOT NULL,
  holder_id TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT,
  PRIMARY KEY (partition, token_hash)
) /* grows */;
CREATE INDEX freeze_links_of_holder ON freeze_links (partition, holder_id);
CREATE INDEX freeze_links_old ON freeze_links (expires_at);
