-- Applying by oneself: what the applicant read, confirmed and proved, and what the machine found.

-- What the applicant did, in this order; NULL until they did.
--   rules_version, rules_read_at  which text of the photo rules they read, and when (R45, R51)
--   confirmed_at   when they confirmed the information, or the photo as it would stand (R38, R47, R53)
--   verified_at    when the person check let them go on
--   withdrawn_at   when they gave up
ALTER TABLE applications ADD COLUMN rules_version TEXT;
ALTER TABLE applications ADD COLUMN rules_read_at BIGINT;
ALTER TABLE applications ADD COLUMN confirmed_at BIGINT;
ALTER TABLE applications ADD COLUMN verified_at BIGINT;
ALTER TABLE applications ADD COLUMN withdrawn_at BIGINT;
CREATE INDEX applications_unsubmitted ON applications (partition, created_at) WHERE stage IN ('draft', 'photo-submitted', 'person-verified');

-- What the machine found about a photo. A photo that is judged again has the newest findings only.
--   profile          which rules: 'submitted' (R56-R74) or 'on-file'
--   verdict          the gravest of all rules; the rules themselves lie in findings_sealed
--   findings_sealed  JSON: a finding for each rule, the fingerprint by which the photo is known again,
--                    and what the applicant declared about it (R71)
CREATE TABLE photo_findings (
  partition BIGINT NOT NULL,
  photo_id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  profile TEXT NOT NULL CHECK (profile IN ('submitted', 'on-file')),
  verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'officer', 'fail')),
  findings_sealed BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (partition, photo_id)
) /* grows */;
CREATE INDEX photo_findings_of_holder ON photo_findings (partition, holder_id, created_at);

-- Person checks (实人认证). open (outcome NULL) -> match | reject | officer | expired. The frames that
-- answer one are never stored: they are judged and forgotten.
--   application_id    what it is for; NULL where it activates a device
--   photo_id          the photo that the person is compared with
--   method            'frames' of a challenge, or an 'identity-service' outside
--   device_id, session_hash  the device and the session that began it: only they end it
--   device_key        P-256, SEC1, uncompressed: signs the frames
--   challenge, nonce  the steps asked for, and what the signature covers
--   expires_at        the last instant for the answer
--   reasons           JSON: stable codes, nothing measured
--   distances_sealed  JSON: how far the two matchers found the faces apart
CREATE TABLE person_checks (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  application_id TEXT,
  photo_id TEXT NOT NULL,
  method TEXT NOT NULL CHECK (method IN ('frames', 'identity-service')),
  device_id TEXT,
  session_hash BYTEA,
  device_key BYTEA NOT NULL CHECK (length(device_key) = 65),
  challenge TEXT NOT NULL,
  nonce BYTEA NOT NULL CHECK (length(nonce) = 32),
  opened_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  outcome TEXT CHECK (outcome IN ('match', 'reject', 'officer', 'expired')),
  reasons TEXT,
  distances_sealed BYTEA,
  closed_at BIGINT,
  PRIMARY KEY (partition, id),
  CHECK ((outcome IS NULL) = (closed_at IS NULL)),
  CHECK ((outcome IS NULL) = (reasons IS NULL)),
  CHECK (outcome IS NOT NULL OR distances_sealed IS NULL),
  CHECK ((device_id IS NULL) = (session_hash IS NULL)),
  CHECK (application_id IS NULL OR device_id IS NOT NULL)
) /* grows */;
CREATE UNIQUE INDEX person_checks_one_open ON person_checks (partition, application_id) WHERE outcome IS NULL;
CREATE INDEX person_checks_of_application ON person_checks (partition, application_id, opened_at);
CREATE INDEX person_checks_of_holder ON person_checks (partition, holder_id, opened_at);

-- Consent to face processing (人脸信息处理单独同意), apart from everything else, and its withdrawal.
--   given -> withdrawn; one that stands for each purpose
--   purpose       what the face is processed for
--   text_version  which text was agreed to
--   device_id     on which device
CREATE TABLE face_consents (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('person-check')),
  text_version TEXT NOT NULL,
  device_id TEXT NOT NULL,
  given_at BIGINT NOT NULL,
  withdrawn_at BIGINT,
  PRIMARY KEY (partition, id)
) /* grows */;
CREATE UNIQUE INDEX face_consents_one_stands ON face_consents (partition, holder_id, purpose) WHERE withdrawn_at IS NULL;
