-- An index key that changes. Names (subjects, licence and file numbers) lie at keyed hashes of the
-- index key, which lies outside the database; the pass to another one moves them while others work.

-- The key of what never moves: places in the status lists, places of offices in partitions, hashes of
-- records, codes and request keys. Wrapped by the master key. A database that is older than this
-- table takes its index key over as this key, so that what lies there stays where it is.
CREATE TABLE layout_keys (
  id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  wrapped BYTEA NOT NULL,
  created_at BIGINT NOT NULL
);

-- One row while nothing is going on; two from the preparation of another key until the older one is
-- retired.
--   wrapped       the key, wrapped by the master key, while there are two: nodes learn of each other's
--   activated_at  from when names are entered under it; NULL while it is only prepared
--   left_at       from when no name is entered under it any more; NULL otherwise. A claim holds the row
--                 under which it enters names, so that none is entered there once this is set.
ALTER TABLE blind_indexes ADD COLUMN wrapped BYTEA;
ALTER TABLE blind_indexes ADD COLUMN activated_at BIGINT;
ALTER TABLE blind_indexes ADD COLUMN left_at BIGINT;
UPDATE blind_indexes SET activated_at = created_at;

-- Under which index key a name lies.
ALTER TABLE owned_aliases ADD COLUMN index_version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE shared_aliases ADD COLUMN index_version BIGINT NOT NULL DEFAULT 1;

-- The lowest index key version under which the names of a driver may have been claimed that is
-- written in this partition. As least_key does for sealed values, it keeps a write that rests on
-- claims from before a pass from being committed after the pass began.
ALTER TABLE partition_heads ADD COLUMN least_index BIGINT NOT NULL DEFAULT 0;

-- Passes that bring all names under the index key of that version.
--   begun_at     when names were first entered under it
--   position     JSON: how far it has come; where an interrupted pass goes on
--   moved        names brought over
--   given_up     claims without a driver whose record holds the name, removed
--   damaged      rows left because the driver's record does not open, so far
--   finished_at  when nothing lay under the older key any more
CREATE TABLE reindexes (
  version BIGINT NOT NULL PRIMARY KEY,
  begun_at BIGINT NOT NULL,
  position TEXT NOT NULL,
  moved BIGINT NOT NULL,
  given_up BIGINT NOT NULL,
  damaged BIGINT NOT NULL,
  finished_at BIGINT
);
