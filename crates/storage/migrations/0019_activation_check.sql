-- Activation by a person check (实人认证激活): begun by whoever says who they are, without a session.

-- A check without an application is one that may activate a device. Like a request for a code by phone it
-- has a row also for a number that nobody has, or where the person cannot be proved so: holder_id and
-- photo_id are then names of nobody, and it ends like any other. Nothing measured is kept of it.
--   open -> answered -> ended; answered -> open where the answer could not be judged. Answered is a refusal
--   (outcome 'reject', code 'answered') that is written before the answer is judged: it is judged once
--   id           of such a check: the partition, and the beginning of a hash of the name that the client
--                has; that name says nothing of the partition
--   claim_blind  keyed hash of the licence number and the name that were given, and of the client's name of
--                the check: the answer gives all three again. NULL for an application
ALTER TABLE person_checks ADD COLUMN claim_blind BYTEA CHECK (claim_blind IS NULL OR application_id IS NULL);
CREATE INDEX person_checks_of_activations ON person_checks (expires_at) WHERE application_id IS NULL;

--   person_checks_at  when the allowance of person checks for activation is whole again (NULL: it is); as
--                     phone_codes_at
ALTER TABLE drivers ADD COLUMN person_checks_at BIGINT;

--   check_id  of a consent to one check for an activation: which. It covers that check and stands for no
--             other, so that it is none of those that stand. NULL: it stands until it is withdrawn
ALTER TABLE face_consents ADD COLUMN check_id TEXT;
DROP INDEX face_consents_one_stands;
CREATE UNIQUE INDEX face_consents_one_stands ON face_consents (partition, holder_id, purpose)
  WHERE withdrawn_at IS NULL AND check_id IS NULL;
