-- Sanctions (停止电子驾驶证申领使用, R75, R76): proposed by one officer, decided by another, lifted by two.

-- States and moves: docs/state-machines.md. A driver has one open sanction at most: one that is
-- proposed, in force, or in force with a lift to be decided.
--   office              code of the issuing authority whose officers decide
--   grounds             JSON: stable codes;  evidence  JSON: identifiers of applications, photos, ...
--   proposed_by/at      the officer who proposed it
--   decided_by/at       the officer who confirmed or declined it; never the same
--   e_licence_id        the e-licence that it stopped, where there was an active one
--   lift_by/lift_at     the officer who would have it lifted, while that is to be decided and after
--                       it was lifted
--   lifted_by/lifted_at the officer who lifted it; neither lift_by nor decided_by
--   appeal              where the driver's appeal (申诉) stands
CREATE TABLE sanctions (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  office TEXT NOT NULL,
  stage TEXT NOT NULL CHECK (stage IN ('proposed', 'declined', 'in-force', 'lift-proposed', 'lifted')),
  grounds TEXT NOT NULL,
  evidence TEXT NOT NULL,
  proposed_by TEXT NOT NULL,
  proposed_at BIGINT NOT NULL,
  decided_by TEXT,
  decided_at BIGINT,
  e_licence_id TEXT,
  lift_by TEXT,
  lift_at BIGINT,
  lifted_by TEXT,
  lifted_at BIGINT,
  appeal TEXT NOT NULL CHECK (appeal IN ('none', 'open', 'dismissed', 'granted')),
  PRIMARY KEY (partition, id),
  CHECK ((stage = 'proposed') = (decided_by IS NULL)),
  CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
  CHECK (decided_by IS NULL OR decided_by <> proposed_by),
  CHECK ((stage IN ('lift-proposed', 'lifted')) = (lift_by IS NOT NULL)),
  CHECK ((lift_by IS NULL) = (lift_at IS NULL)),
  CHECK ((stage = 'lifted') = (lifted_by IS NOT NULL)),
  CHECK ((lifted_by IS NULL) = (lifted_at IS NULL)),
  CHECK (lifted_by IS NULL OR lifted_by <> lift_by AND lifted_by <> decided_by),
  CHECK (e_licence_id IS NULL OR stage IN ('in-force', 'lift-proposed', 'lifted')),
  CHECK (appeal = 'none' OR stage IN ('in-force', 'lift-proposed', 'lifted')),
  CHECK (appeal <> 'granted' OR stage = 'lifted'),
  CHECK (appeal <> 'open' OR stage <> 'lifted')
) /* grows */;
CREATE UNIQUE INDEX sanctions_one_open ON sanctions (partition, holder_id) WHERE stage IN ('proposed', 'in-force', 'lift-proposed');
CREATE INDEX sanctions_of_holder ON sanctions (partition, holder_id, proposed_at);
CREATE INDEX sanctions_of_office ON sanctions (office, proposed_at);

-- Every step of a sanction with what was written about it; append-only. The audit row of a step has
-- the number audit_seq in the same partition.
--   number            its place among the steps of the sanction, from 1
--   step              'proposed' | 'confirmed' | 'declined' | 'lift-proposed' | 'lift-declined' |
--                     'lifted' | 'appealed' | 'exported'
--   actor             an officer, or the holder who appeals
--   statement_sealed  what the actor wrote; NULL where nothing
CREATE TABLE sanction_steps (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  sanction_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  holder_id TEXT NOT NULL,
  step TEXT NOT NULL CHECK (step IN ('proposed', 'confirmed', 'declined', 'lift-proposed', 'lift-declined', 'lifted', 'appealed', 'exported')),
  actor TEXT NOT NULL,
  at BIGINT NOT NULL,
  audit_seq BIGINT NOT NULL,
  statement_sealed BYTEA,
  PRIMARY KEY (partition, id)
) /* grows */;
CREATE UNIQUE INDEX sanction_steps_in_order ON sanction_steps (partition, sanction_id, number);

-- The sanction that stopped an e-licence; it stays where the stopped one is superseded. NULL where
-- nothing or only the objection to an automatic issue (issue_samples) stopped it: it is active again
-- once neither stands.
ALTER TABLE e_licences ADD COLUMN sanction_id TEXT CHECK (stage <> 'active' OR sanction_id IS NULL);
