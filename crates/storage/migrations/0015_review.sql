-- The review (审核): kinds and times of cases, lending between offices, appeals, samples of automatic
-- issues, photos compared at the counter, templates of faces, and years of the working calendar.

-- More of a case. It is one row for an application, whatever is to be decided about it.
--   kind        'application' | 'appeal' (against its rejection, 申诉) | 'sample' (of its automatic issue,
--               after it) | 'objection' (to a sample, for a second officer)
--   not_by      an officer who may not decide it: whoever rejected or objected first
--   opened_at   when it last came into the queue; NULL for what never waited there
--   claimed_at  when whoever holds it, or held it last, took it
--   decided_at  when a decision last closed it; NULL where it was closed otherwise or never
--   loan_id, loan_day  the loan under which it was taken last, and the day in Asia/Shanghai
ALTER TABLE review_cases ADD COLUMN kind TEXT NOT NULL DEFAULT 'application'
  CHECK (kind IN ('application', 'appeal', 'sample', 'objection'));
ALTER TABLE review_cases ADD COLUMN not_by TEXT;
ALTER TABLE review_cases ADD COLUMN opened_at BIGINT;
ALTER TABLE review_cases ADD COLUMN claimed_at BIGINT;
ALTER TABLE review_cases ADD COLUMN decided_at BIGINT;
ALTER TABLE review_cases ADD COLUMN loan_id TEXT;
ALTER TABLE review_cases ADD COLUMN loan_day TEXT;
UPDATE review_cases SET opened_at = submitted_at WHERE state = 'open';
UPDATE review_cases SET claimed_at = submitted_at WHERE claimed_by IS NOT NULL;
CREATE INDEX review_cases_opened ON review_cases (partition, office, opened_at) WHERE opened_at IS NOT NULL;
CREATE INDEX review_cases_decided ON review_cases (partition, office, decided_at) WHERE decided_at IS NOT NULL;

-- Cases of one office that reviewers of another may decide (协办), by rule of an administrator.
--   lender, borrower   codes of issuing authorities
--   from_at, until_at  from when, and until when (not including)
--   daily_limit        at most so many cases on a day in Asia/Shanghai; NULL: no limit
--   beyond             only while more cases than these wait there; NULL: always
--   ended_by           the administrator who ended it before its time
CREATE TABLE review_loans (
  id TEXT NOT NULL PRIMARY KEY,
  lender TEXT NOT NULL,
  borrower TEXT NOT NULL,
  from_at BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  daily_limit BIGINT CHECK (daily_limit > 0),
  beyond BIGINT CHECK (beyond >= 0),
  set_by TEXT NOT NULL,
  set_at BIGINT NOT NULL,
  ended_by TEXT,
  ended_at BIGINT,
  CHECK (lender <> borrower),
  CHECK (from_at < until_at),
  CHECK (daily_limit IS NOT NULL OR beyond IS NOT NULL),
  CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);

-- How many cases were taken under a loan on a day; in the lender's partition, beside its queue.
CREATE TABLE review_loan_days (
  partition BIGINT NOT NULL,
  loan_id TEXT NOT NULL,
  day TEXT NOT NULL,
  taken BIGINT NOT NULL,
  PRIMARY KEY (partition, loan_id, day)
) /* grows */;

-- Who rejected an application that was appealed, once (申诉). The row of the appeal says the rest.
ALTER TABLE applications ADD COLUMN appealed_from TEXT;

-- An appeal against a rejection: one for each application. How it stands is the application's stage.
--   text_sealed    what the driver says
--   first_by, first_at, first_reasons  the decision that is appealed
CREATE TABLE appeals (
  partition BIGINT NOT NULL,
  application_id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  text_sealed BYTEA NOT NULL,
  filed_at BIGINT NOT NULL,
  first_by TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  first_reasons TEXT NOT NULL,
  PRIMARY KEY (partition, application_id)
) /* grows */;

-- Automatic issues that an officer looks at afterwards.
--   open -> confirmed | objected; objected -> lifted | revoked (by a second officer)
-- While one is objected to, its e-licence is stopped.
--   office       whose queue
--   reasons      JSON: why it was objected to, by rule
CREATE TABLE issue_samples (
  partition BIGINT NOT NULL,
  application_id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  e_licence_id TEXT NOT NULL,
  office TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'confirmed', 'objected', 'lifted', 'revoked')),
  taken_at BIGINT NOT NULL,
  decided_by TEXT,
  decided_at BIGINT,
  reasons TEXT,
  settled_by TEXT,
  settled_at BIGINT,
  PRIMARY KEY (partition, application_id),
  CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
  CHECK ((state = 'open') = (decided_at IS NULL)),
  CHECK ((state IN ('objected', 'lifted', 'revoked')) = (reasons IS NOT NULL)),
  CHECK ((settled_by IS NULL) = (settled_at IS NULL)),
  CHECK ((state IN ('lifted', 'revoked')) = (settled_at IS NOT NULL)),
  CHECK (settled_by <> decided_by)
) /* grows */;
CREATE UNIQUE INDEX issue_samples_one_objection ON issue_samples (partition, e_licence_id) WHERE state = 'objected';

-- The photo of an application compared with the photo on file by both matchers.
--   other_photo_id    the photo on file of that moment
--   outcome           'match' | 'reject' | 'officer'
--   distances_sealed  JSON: what the two matchers measured
CREATE TABLE photo_comparisons (
  partition BIGINT NOT NULL,
  application_id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  photo_id TEXT NOT NULL,
  other_photo_id TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('match', 'reject', 'officer')),
  distances_sealed BYTEA NOT NULL,
  compared_at BIGINT NOT NULL,
  PRIMARY KEY (partition, application_id)
) /* grows */;

-- Years of the working calendar (工作日) that an administrator entered; they go before those built in.
--   plan  JSON: the year's days off and make-up days
CREATE TABLE calendar_years (
  year BIGINT NOT NULL PRIMARY KEY,
  plan TEXT NOT NULL,
  set_by TEXT NOT NULL,
  set_at BIGINT NOT NULL
);
CREATE INDEX applications_pending_calendar ON applications (partition, id) WHERE stage = 'under-review' AND due = 'pending-calendar';

-- What the recognisers make of the face on a submitted photo (人脸特征), kept only where the search for
-- duplicate faces is on, and for a time; in the partition of the office within which it is compared.
--   expires_at       it is erased then
--   template_sealed  the descriptors
CREATE TABLE face_templates (
  partition BIGINT NOT NULL,
  application_id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  office TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  template_sealed BYTEA NOT NULL,
  PRIMARY KEY (partition, application_id)
) /* grows */;
CREATE INDEX face_templates_of_office ON face_templates (partition, office, created_at);
CREATE INDEX face_templates_expired ON face_templates (partition, expires_at);
