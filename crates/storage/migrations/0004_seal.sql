-- Data keys that change, and the suites of what lies at rest. Columns named *_sealed hold
-- ciphertext of the suite that their first byte names (storage::at_rest).

-- From when new values are sealed with the key. NULL while it is only prepared, so that every node
-- knows a key before the first value lies under it.
ALTER TABLE data_keys ADD COLUMN activated_at BIGINT;
UPDATE data_keys SET activated_at = created_at;

-- The lowest data key version under which a write of this partition may still seal. A write takes
-- the row with its audit numbers, so that none which sealed under an older key can commit after
-- it was raised.
ALTER TABLE partition_heads ADD COLUMN least_key BIGINT NOT NULL DEFAULT 0;

-- Passes that bring all values under the data key of that version.
--   begun_at     when least_key was raised: from then on nothing new lies under an older key
--   position     JSON: how far it has come; where an interrupted pass goes on
--   resealed, damaged   values brought over, and values that did not open, so far
--   finished_at  when it had been everywhere
CREATE TABLE reseals (
  version BIGINT NOT NULL PRIMARY KEY,
  begun_at BIGINT NOT NULL,
  position TEXT NOT NULL,
  resealed BIGINT NOT NULL,
  damaged BIGINT NOT NULL,
  finished_at BIGINT
);

-- The key of the blind index: its suite, and a keyed hash by which another key is known at once.
CREATE TABLE blind_indexes (
  version BIGINT NOT NULL PRIMARY KEY,
  suite TEXT NOT NULL CHECK (suite IN ('aes-256-gcm', 'sm4-gcm')),
  check_blind BYTEA NOT NULL,
  created_at BIGINT NOT NULL
);
