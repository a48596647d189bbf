-- An audit that can be proved: signed checkpoints over the heads of all partitions, and closed
-- segments of old rows that lie in the object store.

-- Append-only, numbered from 1 without gaps. What each says is signed and chained to the one before
-- inside the document (see docs/operations.md); number and instant stand here to be found by.
-- A checkpoint has no audit row of its own: it is the act of no holder and of no member of staff,
-- it is recorded by itself, and a row a minute would change the very heads that it is about.
CREATE TABLE audit_checkpoints (
  number BIGINT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  document TEXT NOT NULL
);

-- What the newest checkpoint knows of each partition, so that the next one names only what changed.
-- Nothing is proved by it: a wrong value here makes the next checkpoint name every head.
CREATE TABLE audit_checkpointed (
  partition BIGINT NOT NULL PRIMARY KEY,
  seq BIGINT NOT NULL,
  hash BYTEA NOT NULL
);

-- Rows of the audit that were moved to the object store, in order and without gaps from row 1 on;
-- what follows the last segment of a partition lies in the table audit.
--   previous_hash, last_hash  chain hash before the first and at the last row of the segment
--   object, size              where it lies, and how many bytes it has
CREATE TABLE audit_segments (
  partition BIGINT NOT NULL,
  from_seq BIGINT NOT NULL,
  to_seq BIGINT NOT NULL,
  previous_hash BYTEA NOT NULL,
  last_hash BYTEA NOT NULL,
  object TEXT NOT NULL,
  size BIGINT NOT NULL,
  CHECK (from_seq >= 1 AND to_seq >= from_seq),
  PRIMARY KEY (partition, from_seq)
) /* grows */;
