-- The first schema. One text for SQLite and PostgreSQL: only BIGINT, TEXT and BYTEA.
--
-- Instants are BIGINT microseconds since 1970-01-01T00:00:00Z, dates TEXT YYYY-MM-DD,
-- booleans BIGINT 0 or 1, JSON is TEXT that carries its own schema version "v".
-- Columns named *_sealed hold AES-256-GCM ciphertext bound to table, column, owner, row and
-- version (storage::seal); columns named *_blind hold keyed hashes (blind index).
-- A table that grows with drivers or with use ends in "/* grows */": its key begins with the
-- partition (0..255 by holder, 256 for acts of no holder), so that the migrator can hash-partition
-- it on PostgreSQL and every unique constraint stays local to one partition.
-- Identifiers carry their partition: <kind>_<3 hex digits of partition><29 hex digits>.

-- Last numbers given in each partition. The row is locked by the transaction that takes a
-- number, so the order of numbers is the order of commits.
--   audit_seq, audit_hash  number and chain hash of the newest audit row
--   outbox_seq             number of the newest outbox row
CREATE TABLE partition_heads (
  partition BIGINT NOT NULL,
  audit_seq BIGINT NOT NULL,
  audit_hash BYTEA NOT NULL,
  outbox_seq BIGINT NOT NULL,
  PRIMARY KEY (partition)
) /* grows */;

-- Append-only. One row per act (or refusal that matters), written in the act's transaction.
--   act      stable verb, e.g. "e-licence.issued";  actor  who (an identifier, never a name)
--   subject  the holder concerned, or '';           request  the request's identifier
--   detail   identifiers, codes and keyed hashes only;  hash  SHA-256 over the row and its predecessor
CREATE TABLE audit (
  partition BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  act TEXT NOT NULL,
  actor TEXT NOT NULL,
  subject TEXT NOT NULL,
  request TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (partition, seq)
) /* grows */;

-- What followers (status memory, review queue, live pages) have to learn, in commit order.
CREATE TABLE outbox (
  partition BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  event TEXT NOT NULL,
  PRIMARY KEY (partition, seq)
) /* grows */;

-- How far a durable follower has come in each partition.
CREATE TABLE follower_cursors (
  partition BIGINT NOT NULL,
  follower TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (partition, follower)
) /* grows */;

-- Data keys that seal the columns, each wrapped by the master key, which is not in the database.
CREATE TABLE data_keys (
  version BIGINT NOT NULL PRIMARY KEY,
  wrapped BYTEA NOT NULL,
  created_at BIGINT NOT NULL
);

-- Names under which a holder is found. Partitioned by the blind index, not by holder: a claim
-- is a step of its own, made before the driver's row (a claim whose driver never came is healed
-- by the next delivery of the same record).
--   kind  'subject' | 'licence-number' (present or previous) | 'file-number' (not unique)
CREATE TABLE aliases (
  partition BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('subject', 'licence-number', 'file-number')),
  blind BYTEA NOT NULL,
  holder_id TEXT NOT NULL,
  claimed_at BIGINT NOT NULL,
  PRIMARY KEY (partition, kind, blind, holder_id)
) /* grows */;
CREATE UNIQUE INDEX aliases_one_holder ON aliases (partition, kind, blind) WHERE kind <> 'file-number';

-- One row per driver: the registry's record and the lock of everything about that driver.
--   revision            grows with every write that concerns the driver: lock and freshness check
--   registry_version    version of the record at its source;  registry_gap  1 when versions were skipped
--   record_digest       keyed hash of the delivered record and photo (same version, other content is refused)
--   authority_code      issuing authority, for scopes and queues
--   status_value        effective status (0 valid, 1 invalid, 2 suspended, 3 red) when last computed
--   next_transition_at  instant at which the effective status can change by the calendar alone
--   photo_id            the photo on file (已留存的照片)
CREATE TABLE drivers (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  revision BIGINT NOT NULL,
  registry_version BIGINT NOT NULL,
  registry_gap BIGINT NOT NULL CHECK (registry_gap IN (0, 1)),
  record_sealed BYTEA NOT NULL,
  record_digest BYTEA NOT NULL,
  authority_code TEXT NOT NULL,
  status_value BIGINT NOT NULL CHECK (status_value BETWEEN 0 AND 3),
  next_transition_at BIGINT,
  photo_id TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (partition, id)
) /* grows */;
CREATE INDEX drivers_transition ON drivers (next_transition_at) WHERE next_transition_at IS NOT NULL;

-- Photos; the bytes lie sealed in the object store under the photo's identifier.
--   source  'on-file' (from the registry) | 'counter' | 'camera' | 'album'
--   meta_sealed  JSON: SHA-256, media type, size, date taken
CREATE TABLE photos (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('on-file', 'counter', 'camera', 'album')),
  meta_sealed BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (partition, id)
) /* grows */;
CREATE INDEX photos_of_holder ON photos (partition, holder_id);

-- Applications (申领). States and moves: docs/state-machines.md.
--   office          the office whose queue reviews it (the issuing authority's code)
--   identity_sealed how an officer established identity (counter only)
--   submitted_by    who submitted: the holder or, at the counter, the officer
--   due             'at' with due_at, or 'pending-calendar' where the working calendar is missing
--   decided_by, reasons   the reviewer and, on rejection, the reasons by rule
CREATE TABLE applications (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('first', 'photo-change', 'reapplication')),
  channel TEXT NOT NULL CHECK (channel IN ('app', 'counter')),
  photo_source TEXT NOT NULL CHECK (photo_source IN ('on-file', 'counter', 'camera', 'album')),
  office TEXT NOT NULL,
  stage TEXT NOT NULL CHECK (stage IN ('draft', 'photo-submitted', 'person-verified', 'under-review', 'approved', 'issued', 'rejected', 'withdrawn')),
  photo_id TEXT,
  identity_sealed BYTEA,
  created_at BIGINT NOT NULL,
  submitted_by TEXT,
  submitted_at BIGINT,
  due TEXT CHECK (due IN ('at', 'pending-calendar')),
  due_at BIGINT,
  decided_by TEXT,
  decided_at BIGINT,
  reasons TEXT,
  e_licence_id TEXT,
  PRIMARY KEY (partition, id),
  CHECK (stage NOT IN ('under-review', 'approved', 'issued') OR (photo_id IS NOT NULL AND submitted_by IS NOT NULL AND submitted_at IS NOT NULL)),
  CHECK (stage <> 'under-review' OR due IS NOT NULL),
  CHECK ((due = 'at') = (due_at IS NOT NULL) OR due IS NULL AND due_at IS NULL),
  CHECK (stage <> 'approved' OR decided_by IS NOT NULL AND decided_at IS NOT NULL),
  CHECK ((stage = 'issued') = (e_licence_id IS NOT NULL)),
  CHECK ((stage = 'rejected') = (reasons IS NOT NULL)),
  CHECK (channel <> 'counter' OR identity_sealed IS NOT NULL)
) /* grows */;
CREATE INDEX applications_of_holder ON applications (partition, holder_id);
CREATE UNIQUE INDEX applications_one_open ON applications (partition, holder_id) WHERE stage NOT IN ('issued', 'rejected', 'withdrawn');
CREATE INDEX applications_approved ON applications (partition, decided_at) WHERE stage = 'approved';

-- Electronic licences (电子驾驶证). One active per driver is the index below, not a hope.
--   active -> superseded | revoked; active <-> stopped
--   edition       edition of the paper licence on which it rests (R88-R90)
--   generated_at  电子证生成时间 (R17)
CREATE TABLE e_licences (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  application_id TEXT NOT NULL,
  stage TEXT NOT NULL CHECK (stage IN ('active', 'stopped', 'superseded', 'revoked')),
  edition BIGINT NOT NULL,
  photo_id TEXT NOT NULL,
  generated_at BIGINT NOT NULL,
  ended_at BIGINT,
  ended_reason TEXT,
  PRIMARY KEY (partition, id),
  CHECK ((stage IN ('superseded', 'revoked')) = (ended_at IS NOT NULL)),
  CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
) /* grows */;
CREATE UNIQUE INDEX e_licences_one_current ON e_licences (partition, holder_id) WHERE stage IN ('active', 'stopped');
CREATE UNIQUE INDEX e_licences_one_per_application ON e_licences (partition, application_id);
CREATE INDEX e_licences_of_holder ON e_licences (partition, holder_id, generated_at);

-- Next place in the status lists, by partition. A place taken for an issue that lost its race is
-- burnt, never given again.
CREATE TABLE status_counters (
  partition BIGINT NOT NULL,
  next_place BIGINT NOT NULL,
  PRIMARY KEY (partition)
) /* grows */;

-- The sequence of credentials of an e-licence, at most one active.
--   binding_id            NULL for the first, unbound one
--   status_list, status_index   its place in the status lists; one index for all its suites
--   status_value          what the lists say of it
CREATE TABLE credentials (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  e_licence_id TEXT NOT NULL,
  binding_id TEXT,
  stage TEXT NOT NULL CHECK (stage IN ('active', 'ended')),
  status_list BIGINT NOT NULL,
  status_index BIGINT NOT NULL,
  status_value BIGINT NOT NULL CHECK (status_value BETWEEN 0 AND 3),
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT,
  PRIMARY KEY (partition, id),
  CHECK ((stage = 'ended') = (ended_at IS NOT NULL))
) /* grows */;
CREATE UNIQUE INDEX credentials_one_active ON credentials (partition, e_licence_id) WHERE stage = 'active';
CREATE UNIQUE INDEX credentials_status_place ON credentials (partition, status_list, status_index);
CREATE INDEX credentials_of_e_licence ON credentials (partition, e_licence_id, issued_at);

-- The signed forms of a credential, one per suite.
CREATE TABLE credential_forms (
  partition BIGINT NOT NULL,
  credential_id TEXT NOT NULL,
  suite TEXT NOT NULL,
  key_id TEXT NOT NULL,
  form_sealed BYTEA NOT NULL,
  PRIMARY KEY (partition, credential_id, suite)
) /* grows */;

-- Holder bindings: which device presents. pending -> active -> replaced | revoked | lapsed.
--   assurance  'software' | 'passkey' | 'attested'
CREATE TABLE bindings (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  e_licence_id TEXT NOT NULL,
  stage TEXT NOT NULL CHECK (stage IN ('pending', 'active', 'replaced', 'revoked', 'lapsed')),
  device_key BYTEA NOT NULL,
  assurance TEXT NOT NULL CHECK (assurance IN ('software', 'passkey', 'attested')),
  created_at BIGINT NOT NULL,
  activated_at BIGINT,
  ended_at BIGINT,
  PRIMARY KEY (partition, id),
  CHECK (stage = 'pending' OR activated_at IS NOT NULL OR ended_at IS NOT NULL),
  CHECK ((stage IN ('replaced', 'revoked', 'lapsed')) = (ended_at IS NOT NULL))
) /* grows */;
CREATE UNIQUE INDEX bindings_one_active ON bindings (partition, e_licence_id) WHERE stage = 'active';

-- The holder's account: a password set with a proof of activation.
CREATE TABLE accounts (
  partition BIGINT NOT NULL,
  holder_id TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  activated_at BIGINT NOT NULL,
  PRIMARY KEY (partition, holder_id)
) /* grows */;

-- Single-use activation codes printed at a counter. At most one open per holder.
--   code_blind  keyed hash of the code;  attempts  wrong tries so far
CREATE TABLE activation_codes (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  code_blind BYTEA NOT NULL,
  made_by TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  closed_at BIGINT,
  closed_as TEXT CHECK (closed_as IN ('used', 'replaced', 'guessed')),
  PRIMARY KEY (partition, id),
  CHECK ((closed_at IS NULL) = (closed_as IS NULL))
) /* grows */;
CREATE UNIQUE INDEX activation_codes_one_open ON activation_codes (partition, holder_id) WHERE closed_at IS NULL;

-- Sessions of holders and staff; only the hash of the token is kept.
CREATE TABLE sessions (
  partition BIGINT NOT NULL,
  token_hash BYTEA NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('holder', 'staff')),
  owner_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (partition, token_hash)
) /* grows */;
CREATE INDEX sessions_of_owner ON sessions (partition, owner_id);

-- Numeric codes (18 digits), one use each; only a keyed hash is kept.
CREATE TABLE numeric_codes (
  partition BIGINT NOT NULL,
  code_blind BYTEA NOT NULL,
  holder_id TEXT NOT NULL,
  e_licence_id TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  PRIMARY KEY (partition, code_blind)
) /* grows */;

-- Look-ups: who checked whom, for what, and the answer given (sealed).
CREATE TABLE verifications (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  verifier TEXT NOT NULL,
  office TEXT NOT NULL,
  purpose TEXT NOT NULL,
  at BIGINT NOT NULL,
  answer_sealed BYTEA NOT NULL,
  PRIMARY KEY (partition, id)
) /* grows */;
CREATE INDEX verifications_of_holder ON verifications (partition, holder_id, at);

-- The in-app inbox. The text is made from the kind and its parameters when read; no personal data.
CREATE TABLE notifications (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  params TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  read_at BIGINT,
  PRIMARY KEY (partition, id)
) /* grows */;
CREATE INDEX notifications_of_holder ON notifications (partition, holder_id, created_at);

-- Requests already answered. key_blind covers actor, path and the client's Idempotency-Key;
-- fingerprint covers the body, so that one key never serves two requests.
CREATE TABLE idempotency (
  partition BIGINT NOT NULL,
  key_blind BYTEA NOT NULL,
  fingerprint BYTEA NOT NULL,
  resource TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (partition, key_blind)
) /* grows */;

-- The review queue, keyed by office (partition of the office, not of the holder), filled from the
-- outbox. open -> closed. A claim is a lease: it ends by itself when the reviewer leaves.
CREATE TABLE review_cases (
  partition BIGINT NOT NULL,
  application_id TEXT NOT NULL,
  office TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
  submitted_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  claimed_by TEXT,
  lease_until BIGINT,
  PRIMARY KEY (partition, application_id),
  CHECK ((claimed_by IS NULL) = (lease_until IS NULL))
) /* grows */;
CREATE INDEX review_cases_due ON review_cases (partition, office, due_at) WHERE state = 'open';

-- Offices (窗口、车管所): each acts for one issuing authority.
CREATE TABLE offices (
  code TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  authority_code TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

-- Staff. own_licence_blind lets the system refuse an officer's own record (SC-31).
CREATE TABLE staff (
  id TEXT NOT NULL PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  name_sealed BYTEA NOT NULL,
  password_hash TEXT NOT NULL,
  roles TEXT NOT NULL,
  office TEXT,
  own_licence_blind BYTEA,
  created_at BIGINT NOT NULL,
  disabled_at BIGINT
);

-- Driver registries that may send changes, and for which issuing authorities.
CREATE TABLE registry_sources (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  token_hash BYTEA NOT NULL UNIQUE,
  authorities TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  disabled_at BIGINT
);

-- Waves of the roll-out (推广应用) set by the operator; city '*' is the whole country.
CREATE TABLE rollout_waves (
  city TEXT NOT NULL PRIMARY KEY,
  opens_on TEXT NOT NULL,
  set_by TEXT NOT NULL,
  set_at BIGINT NOT NULL
);

-- National signing keys. The secret is sealed; a root secret is never here.
CREATE TABLE signing_keys (
  key_id TEXT NOT NULL PRIMARY KEY,
  suite TEXT NOT NULL,
  secret_sealed BYTEA NOT NULL,
  not_before BIGINT NOT NULL,
  not_after BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

-- Signed trust lists, the newest version counts.
CREATE TABLE trust_lists (
  version BIGINT NOT NULL PRIMARY KEY,
  document TEXT NOT NULL,
  issued_at BIGINT NOT NULL
);
