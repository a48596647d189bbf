-- The device that presents an e-licence, and what it shows. Nothing wrote bindings before: the table
-- is made anew, so that its rules hold from its first row on.

DROP TABLE bindings;

-- Holder bindings: which device presents. pending -> active -> replaced | revoked | lapsed.
-- An e-licence has at most one pending and one active binding.
--   id              its 32 hexadecimal digits are the handle that codes carry
--   device_id       the account's device that asked for it: only that device proves and presents
--   device_key      P-256, SEC1, uncompressed: 65 bytes
--   assurance       'software' | 'passkey' | 'attested': how well the device keeps the key
--   challenge       what the device signs to prove that it holds the key; only while pending
--   expires_at      the last instant for that proof
--   renewed_at      when the server last renewed it on contact: codes rest on it for a time only
--   last_presented  the greatest instant, in seconds since 1970, of a code that was accepted: no code
--                   of it or before it is good any more
CREATE TABLE bindings (
  partition BIGINT NOT NULL,
  id TEXT NOT NULL,
  holder_id TEXT NOT NULL,
  e_licence_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  stage TEXT NOT NULL CHECK (stage IN ('pending', 'active', 'replaced', 'revoked', 'lapsed')),
  device_key BYTEA NOT NULL CHECK (length(device_key) = 65),
  assurance TEXT NOT NULL CHECK (assurance IN ('software', 'passkey', 'attested')),
  challenge BYTEA,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  activated_at BIGINT,
  renewed_at BIGINT,
  last_presented BIGINT,
  ended_at BIGINT,
  PRIMARY KEY (partition, id),
  CHECK ((stage = 'pending') = (challenge IS NOT NULL)),
  CHECK (stage <> 'pending' OR activated_at IS NULL),
  CHECK (stage NOT IN ('active', 'replaced') OR activated_at IS NOT NULL),
  CHECK ((activated_at IS NULL) = (renewed_at IS NULL)),
  CHECK (last_presented IS NULL OR activated_at IS NOT NULL),
  CHECK ((stage IN ('replaced', 'revoked', 'lapsed')) = (ended_at IS NOT NULL))
) /* grows */;
CREATE UNIQUE INDEX bindings_one_active ON bindings (partition, e_licence_id) WHERE stage = 'active';
CREATE UNIQUE INDEX bindings_one_pending ON bindings (partition, e_licence_id) WHERE stage = 'pending';
CREATE INDEX bindings_of_e_licence ON bindings (partition, e_licence_id, created_at);

-- What a bound device shows without a signal: the forms of its credential that fit into a code. They
-- go with the credential.
--   suite, key_id      the one suite of the codes, and the key that signed
--   record_version     the registry's version of the record from which they were made
--   enforcement_to     the enforcement key for which they were made, in hex; NULL where none was
--                      configured then
--   public_sealed      what everybody may read
--   enforcement_sealed what the enforcement key opens; NULL where there is none, or no room
--   portrait_sealed    the small portrait that the public form names by its hash; NULL where none
CREATE TABLE presentations (
  partition BIGINT NOT NULL,
  credential_id TEXT NOT NULL,
  suite TEXT NOT NULL,
  key_id TEXT NOT NULL,
  record_version BIGINT NOT NULL,
  enforcement_to TEXT,
  public_sealed BYTEA NOT NULL,
  enforcement_sealed BYTEA,
  portrait_sealed BYTEA,
  PRIMARY KEY (partition, credential_id)
) /* grows */;
