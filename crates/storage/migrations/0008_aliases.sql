-- Names in two tables: those that one holder has, and those that several may have. Names lie at
-- keyed hashes, which are anywhere in an index, so that an import writes nearly every page of it
-- again: one narrow index a table is kept instead of two wide ones.

-- Names that one holder has. Partitioned by the blind index, not by holder: a claim is a step of its
-- own, made before the driver's row (a claim whose driver never came is healed by the next delivery
-- of the same record).
--   kind  1 the registry's subject | 2 a licence number, present or previous
CREATE TABLE owned_aliases (
  partition BIGINT NOT NULL,
  kind BIGINT NOT NULL CHECK (kind IN (1, 2)),
  blind BYTEA NOT NULL,
  holder_id TEXT NOT NULL,
  claimed_at BIGINT NOT NULL,
  PRIMARY KEY (partition, kind, blind)
) /* grows */;
INSERT INTO owned_aliases (partition, kind, blind, holder_id, claimed_at)
  SELECT partition, CASE kind WHEN 'subject' THEN 1 ELSE 2 END, blind, holder_id, claimed_at
  FROM aliases WHERE kind <> 'file-number';

-- File numbers: several holders may have the same by mistake of a registry.
CREATE TABLE shared_aliases (
  partition BIGINT NOT NULL,
  blind BYTEA NOT NULL,
  holder_id TEXT NOT NULL,
  claimed_at BIGINT NOT NULL,
  PRIMARY KEY (partition, blind, holder_id)
) /* grows */;
INSERT INTO shared_aliases (partition, blind, holder_id, claimed_at)
  SELECT partition, blind, holder_id, claimed_at FROM aliases WHERE kind = 'file-number';

DROP TABLE aliases;
