-- The search for duplicate faces is bounded by office, device or source. Only what a driver submitted in
-- the app has the latter two; both are keyed hashes, and go with their row.
--   device_hash  of the key that signed the person check
--   source_hash  of the network that the submission came from
ALTER TABLE face_templates ADD COLUMN device_hash BYTEA;
ALTER TABLE face_templates ADD COLUMN source_hash BYTEA;
CREATE INDEX face_templates_of_device ON face_templates (device_hash, created_at);
CREATE INDEX face_templates_of_source ON face_templates (source_hash, created_at);
