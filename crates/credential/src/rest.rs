//! The rest of a licence (其余项目) for an enforcement terminal: sealed to its key, so that the code
//! shows it to nobody else.

use jiff::civil::Date;
use rand::CryptoRng;
use std::fmt;
use zeroize::Zeroizing;

use crate::{
    cbor::Value,
    claims::{
        ADDRESS, AUTHORITY_CODE, AUTHORITY_NAME, BIRTH_DATE, DOCUMENT_EDITION, E_LICENCE_ID,
        FILE_NUMBER, FIRST_ISSUE_DATE, LICENCE_NUMBER, NATIONALITY, SEX, Sex, date, edition, id,
        map, optional_text, sex,
    },
    fields::{self, Fields, Key},
    hpke,
    malformed::Malformed,
    profile::CredentialId,
    reason::Reason,
    time::encode_date,
};

/// What an enforcement terminal reads beside the public profile. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Rest {
    /// The e-licence (电子证编号).
    pub e_licence_id: String,
    /// Licence number (证号).
    pub licence_number: String,
    /// Sex (性别).
    pub sex: Sex,
    /// Nationality (国籍), ISO 3166-1 alpha-3.
    pub nationality: String,
    /// Birth date (出生日期).
    pub birth_date: Date,
    /// Address (住址), where the record has one and the code has room for it.
    pub address: Option<String>,
    /// Date of first issue (初次领证日期).
    pub first_issue_date: Date,
    /// Code of the issuing authority (发证机关代码).
    pub authority_code: String,
    /// Name of the issuing authority (发证机关).
    pub authority_name: String,
    /// File number (档案编号).
    pub file_number: Option<String>,
    /// Edition of the paper licence (证件版本).
    pub document_edition: u32,
    /// Points of the cycle (累积记分) when the profile was made.
    pub points: u32,
}

const POINTS: Key = (19, "points");

/// What HPKE binds the message to, beside the credential's id.
const INFO: &[u8] = b"jiazhao enforcement 1";

impl Rest {
    fn to_cbor(&self) -> Zeroizing<Vec<u8>> {
        let unsigned = |n: u32| Some(Value::Unsigned(u64::from(n)));
        let value = map([
            (E_LICENCE_ID, Some(Value::text(&self.e_licence_id))),
            (LICENCE_NUMBER, Some(Value::text(&self.licence_number))),
            (SEX, Some(self.sex.encode())),
            (NATIONALITY, Some(Value::text(&self.nationality))),
            (BIRTH_DATE, Some(encode_date(self.birth_date))),
            (ADDRESS, optional_text(self.address.as_ref())),
            (FIRST_ISSUE_DATE, Some(encode_date(self.first_issue_date))),
            (AUTHORITY_CODE, Some(Value::text(&self.authority_code))),
            (AUTHORITY_NAME, Some(Value::text(&self.authority_name))),
            (FILE_NUMBER, optional_text(self.file_number.as_ref())),
            (DOCUMENT_EDITION, unsigned(self.document_edition)),
            (POINTS, unsigned(self.points)),
        ]);
        Zeroizing::new(value.encode())
    }

    fn from_cbor(bytes: &[u8]) -> Result<Self, Malformed> {
        let value = Value::decode(bytes)?;
        let mut fields = Fields::open(&value, "rest")?;
        let rest = Self {
            e_licence_id: fields.required(E_LICENCE_ID, id)?,
            licence_number: fields.required(LICENCE_NUMBER, fields::text)?,
            sex: fields.required(SEX, sex)?,
            nationality: fields.required(NATIONALITY, fields::text)?,
            birth_date: fields.required(BIRTH_DATE, date)?,
            address: fields.optional(ADDRESS, fields::text)?,
            first_issue_date: fields.required(FIRST_ISSUE_DATE, date)?,
            authority_code: fields.required(AUTHORITY_CODE, fields::text)?,
            authority_name: fields.required(AUTHORITY_NAME, fields::text)?,
            file_number: fields.optional(FILE_NUMBER, fields::text)?,
            document_edition: fields.required(DOCUMENT_EDITION, edition)?,
            points: fields.required(POINTS, edition)?,
        };
        fields.close()?;
        Ok(rest)
    }

    /// Seals it to the terminals that hold the enforcement key, for this one credential.
    ///
    /// # Errors
    /// [`RestRefusal`] where the strict reader would refuse it, or the key is no usable one.
    pub fn seal(
        &self,
        credential_id: &CredentialId,
        to: &EnforcementKey,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedRest, RestRefusal> {
        let message = self.to_cbor();
        if Self::from_cbor(&message)? != *self {
            return Err(Malformed::NotCanonical.into());
        }
        match hpke::seal(&to.0, INFO, credential_id.as_bytes(), &message, rng) {
            Ok(sealed) => Ok(SealedRest(sealed)),
            Err(hpke::Failed) => Err(RestRefusal::NotOpened),
        }
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("e_licence_id", &self.e_licence_id)
            .finish_non_exhaustive()
    }
}

/// The public key of enforcement terminals (执法终端公钥): X25519.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EnforcementKey([u8; 32]);

impl EnforcementKey {
    /// From its bytes (RFC 7748).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl EnforcementKey {
    /// Whether anything can be sealed to it: a point of small order is nobody's key.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        hpke::accepts(&self.0)
    }
}

impl fmt::Debug for EnforcementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnforcementKey({})", hex::encode(self.0))
    }
}

/// The secret that opens what was sealed to its [`EnforcementKey`].
pub struct EnforcementSecret(Zeroizing<[u8; 32]>);

impl EnforcementSecret {
    /// Makes one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(secret.as_mut_slice());
        Self(secret)
    }

    /// From its bytes (RFC 7748).
    #[must_use]
    pub const fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// Its bytes, for a sealed file and nothing else.
    #[must_use]
    pub const fn as_bytes(&self) -> &Zeroizing<[u8; 32]> {
        &self.0
    }

    /// The key to which others seal.
    ///
    /// # Errors
    /// [`RestRefusal::NotOpened`] where the provider takes no such secret.
    pub fn public_key(&self) -> Result<EnforcementKey, RestRefusal> {
        match hpke::public_key(&self.0) {
            Ok(key) => Ok(EnforcementKey(key)),
            Err(hpke::Failed) => Err(RestRefusal::NotOpened),
        }
    }
}

impl fmt::Debug for EnforcementSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnforcementSecret")
    }
}

/// The rest of a licence, sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedRest(hpke::Sealed);

impl SealedRest {
    /// Opens it for the holder of the enforcement key.
    ///
    /// # Errors
    /// [`RestRefusal`].
    pub fn open(
        &self,
        credential_id: &CredentialId,
        secret: &EnforcementSecret,
    ) -> Result<Rest, RestRefusal> {
        match hpke::open(&secret.0, INFO, credential_id.as_bytes(), &self.0) {
            Ok(message) => Ok(Rest::from_cbor(&message)?),
            Err(hpke::Failed) => Err(RestRefusal::NotOpened),
        }
    }

    pub(crate) fn encode(&self) -> Value<'_> {
        Value::Array(vec![
            Value::bytes(self.0.enc.as_slice()),
            Value::bytes(&self.0.ciphertext),
        ])
    }

    pub(crate) fn decode(value: &Value<'_>, name: &'static str) -> Result<Self, Malformed> {
        let [enc, ciphertext] = fields::items(value, name)? else {
            return Err(Malformed::ClaimType(name));
        };
        let ciphertext = fields::bytes(ciphertext, name)?;
        if ciphertext.len() <= TAG {
            return Err(Malformed::ClaimValue(name));
        }
        let enc = fields::array_of(enc, name)?;
        let ciphertext = ciphertext.to_vec();
        Ok(Self(hpke::Sealed { enc, ciphertext }))
    }
}

/// Bytes of GCM's tag, which end every ciphertext.
const TAG: usize = 16;

impl fmt::Debug for SealedRest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedRest")
    }
}

/// Why the rest could not be sealed or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestRefusal {
    /// Sealed to another key or for another credential, or altered; or a key that is none.
    #[error("rest-not-opened: sealed to another key, or altered (无法解密，密钥不符或内容被改动)")]
    NotOpened,
    /// Opened, and not what it should be; or not fit to be sealed.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl RestRefusal {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::NotOpened => Reason::new(
                "rest-not-opened",
                "无法解密，密钥不符或内容被改动",
                "sealed to another key, or altered",
            ),
            Self::Malformed(malformed) => malformed.reason(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::rest;
    use rand::{SeedableRng as _, rngs::StdRng};

    const ID: CredentialId = CredentialId::from_bytes([5; 16]);

    #[test]
    fn only_the_key_holder_reads_the_rest_and_only_of_its_credential() {
        let mut rng = StdRng::seed_from_u64(3);
        let secret = EnforcementSecret::generate(&mut rng);
        let sealed = rest()
            .seal(&ID, &secret.public_key().unwrap(), &mut rng)
            .unwrap();
        assert_eq!(sealed.open(&ID, &secret), Ok(rest()));
        let stranger = EnforcementSecret::generate(&mut rng);
        assert_eq!(sealed.open(&ID, &stranger), Err(RestRefusal::NotOpened));
        let other = CredentialId::from_bytes([6; 16]);
        assert_eq!(sealed.open(&other, &secret), Err(RestRefusal::NotOpened));
        let again = SealedRest::decode(&sealed.encode(), "rest").unwrap();
        assert_eq!(again.open(&ID, &secret), Ok(rest()));
        let shown = format!("{:?}{:?}{secret:?}", rest(), sealed);
        assert!(!shown.contains("510199"), "{shown}");
    }

    #[test]
    fn what_cannot_be_read_back_is_not_sealed() {
        let mut rng = StdRng::seed_from_u64(3);
        let to = EnforcementSecret::generate(&mut rng).public_key().unwrap();
        let unfit = Rest {
            address: Some(String::new()),
            ..rest()
        };
        let refused = RestRefusal::Malformed(Malformed::ClaimValue("address"));
        assert_eq!(unfit.seal(&ID, &to, &mut rng).err(), Some(refused));
        assert!(to.is_usable());
        let nobody = EnforcementKey::from_bytes([0; 32]);
        assert!(!nobody.is_usable());
        assert_eq!(
            rest().seal(&ID, &nobody, &mut rng).err(),
            Some(RestRefusal::NotOpened)
        );
    }

    #[test]
    fn without_optional_fields_it_goes_there_and_back() {
        let bare = Rest {
            address: None,
            file_number: None,
            ..rest()
        };
        assert_eq!(Rest::from_cbor(&bare.to_cbor()), Ok(bare));
    }
}
