-- Keys that change while nodes serve: proposed trust lists, emergency revocations, counts of signatures.

-- Certificates (X.509) of the keys of a list and of its roots, JSON of key id and PEM; NULL where the
-- list is from before there were any.
ALTER TABLE trust_lists ADD COLUMN certificates TEXT;

-- A trust list that the roots have signed and that does not count yet.
--   open -> activated | rejected
-- One whose version another list has taken stays open and is good for nothing but to be rejected.
--   version       its own, one more than that of the list which it follows
--   document      the signed list
--   certificates  as in trust_lists
--   prepared_by   who brought it: a member of staff; for the operator's command line the member named there
--   approved_by   the first of two administrators, where two must agree (a revocation is undone)
--   settled_by    who activated or rejected it
CREATE TABLE trust_proposals (
  id TEXT NOT NULL PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('open', 'activated', 'rejected')),
  version BIGINT NOT NULL,
  document TEXT NOT NULL,
  certificates TEXT NOT NULL,
  prepared_by TEXT NOT NULL,
  prepared_at BIGINT NOT NULL,
  approved_by TEXT,
  approved_at BIGINT,
  settled_by TEXT,
  settled_at BIGINT,
  CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
  CHECK ((settled_by IS NULL) = (settled_at IS NULL)),
  CHECK ((state = 'open') = (settled_at IS NULL))
);

-- Signing keys that an administrator revoked in an emergency. While a row stands, nothing here trusts the
-- key, whatever the trust list says of it. Two administrators lift it, which deletes the row; where the
-- list calls the key revoked too, a list that trusts it again does.
--   reason   'compromised' | 'suspected' | 'lost' | 'misused'
--   undo_by  the first of the two who lift it
CREATE TABLE key_distrusts (
  key_id TEXT NOT NULL PRIMARY KEY,
  reason TEXT NOT NULL CHECK (reason IN ('compromised', 'suspected', 'lost', 'misused')),
  distrusted_by TEXT NOT NULL,
  distrusted_at BIGINT NOT NULL,
  undo_by TEXT,
  undo_at BIGINT,
  CHECK ((undo_by IS NULL) = (undo_at IS NULL))
);

-- How many forms of credentials each key has signed, counted where they are written.
CREATE TABLE signing_counts (
  partition BIGINT NOT NULL,
  key_id TEXT NOT NULL,
  signatures BIGINT NOT NULL CHECK (signatures > 0),
  PRIMARY KEY (partition, key_id)
) /* grows */;
INSERT INTO signing_counts (partition, key_id, signatures)
  SELECT partition, key_id, COUNT(*) FROM credential_forms GROUP BY partition, key_id;
