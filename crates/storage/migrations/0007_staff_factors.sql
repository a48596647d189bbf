-- Second factors, sessions and recovery of staff. None of these tables grows with drivers or use:
-- they hold a few rows for each member of staff (ended sessions of a member go when they sign in).

-- The second factor (TOTP, RFC 6238) of a member of staff.
--   (no row) -> pending (a secret was made and shown) -> active (its first code came back)
--   -> (no row), when it is reset. Beginning again replaces a pending secret.
--   enrolment      grows with each secret; binds the ciphertext to this one
--   secret_sealed  20 random bytes
--   last_step      number of the newest 30 second step whose code was accepted: it and all before
--                  it are used up
--   wrong_in_row   wrong codes with the right password since the last right one
--   wait_until     until then no code is looked at; NULL while nobody has to wait
CREATE TABLE staff_factors (
  staff_id TEXT NOT NULL PRIMARY KEY,
  stage TEXT NOT NULL CHECK (stage IN ('pending', 'active')),
  enrolment BIGINT NOT NULL,
  secret_sealed BYTEA NOT NULL,
  last_step BIGINT NOT NULL,
  wrong_in_row BIGINT NOT NULL,
  wait_until BIGINT,
  begun_at BIGINT NOT NULL,
  confirmed_at BIGINT,
  CHECK ((stage = 'active') = (confirmed_at IS NOT NULL))
);

-- Recovery codes: each replaces one code of the second factor, once. They are made ten at a time;
-- new ones take the place of all before them.
--   code_blind  keyed hash of member and code
CREATE TABLE staff_recovery_codes (
  staff_id TEXT NOT NULL,
  code_blind BYTEA NOT NULL,
  made_at BIGINT NOT NULL,
  used_at BIGINT,
  PRIMARY KEY (staff_id, code_blind)
);

-- A wish to reset an administrator's factor, until a second administrator approves it.
CREATE TABLE staff_factor_resets (
  staff_id TEXT NOT NULL PRIMARY KEY,
  requested_by TEXT NOT NULL,
  requested_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

-- Sessions of staff; only the hash of the token is kept.
--   scope         'full', or 'enrolment': good for setting up the second factor and nothing else
--   last_used_at  when it was last used, told to the minute: an idle session ends
CREATE TABLE staff_sessions (
  token_hash BYTEA NOT NULL PRIMARY KEY,
  staff_id TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('enrolment', 'full')),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL
);
CREATE INDEX staff_sessions_of_member ON staff_sessions (staff_id);

-- Sessions that staff began by password alone end here.
DELETE FROM sessions WHERE kind = 'staff';
