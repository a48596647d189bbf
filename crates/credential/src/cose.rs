//! `COSE_Sign1` (RFC 9052), the one form of it that is written and read here: tag 18, protected
//! headers algorithm, key and type, no unprotected header, payload inside.

use crate::{
    cbor::Value,
    fields::{self, Fields},
    key::{Check, KeyId, PublicKey},
    malformed::Malformed,
    signature::{BadSignature, Signature},
    suite::Suite,
};

/// Tag of `COSE_Sign1`.
const TAG_SIGN1: u64 = 18;

/// The tag as it stands in the first byte.
pub(crate) const FIRST_BYTE: u8 = 0xd2;

const ALGORITHM: fields::Key = (1, "alg");
const KEY_ID: fields::Key = (4, "kid");
/// RFC 9596.
const TYPE: fields::Key = (16, "typ");

/// What was signed. It stands in the protected header, so that one kind of content can never
/// pass for another kind signed by the same key.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    /// A licence credential: `application/cwt` by its number among the CoAP content formats.
    Licence,
    TrustList,
    PublicProfile,
    EnforcementProfile,
    StatusList,
}

impl Content {
    fn value(self) -> Value<'static> {
        match self {
            Self::Licence => Value::Unsigned(61),
            Self::TrustList => Value::text("application/vnd.jiazhao.trust.v1+cbor"),
            Self::PublicProfile => Value::text("jz-offline"),
            Self::EnforcementProfile => Value::text("jz-enforce"),
            Self::StatusList => Value::text("application/statuslist+cwt"),
        }
    }
}

/// Content with its headers, before the signature.
#[derive(Clone)]
pub(crate) struct Unsigned {
    protected: Vec<u8>,
    payload: Vec<u8>,
}

impl Unsigned {
    pub(crate) fn new(content: Content, suite: &Suite, key_id: &KeyId, payload: Vec<u8>) -> Self {
        let protected = Value::Map(vec![
            (
                Value::from(ALGORITHM.0),
                Value::from(suite.cose_algorithm()),
            ),
            (Value::from(KEY_ID.0), Value::bytes(key_id.as_bytes())),
            (Value::from(TYPE.0), content.value()),
        ]);
        Self {
            protected: protected.encode(),
            payload,
        }
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// `Sig_structure` of RFC 9052 section 4.4, without external data.
    pub(crate) fn to_be_signed(&self) -> Vec<u8> {
        Value::Array(vec![
            Value::text("Signature1"),
            Value::bytes(&self.protected),
            Value::bytes(&[]),
            Value::bytes(&self.payload),
        ])
        .encode()
    }

    pub(crate) fn complete(self, signature: &Signature) -> Vec<u8> {
        let parts = Value::Array(vec![
            Value::bytes(self.protected),
            Value::Map(Vec::new()),
            Value::bytes(self.payload),
            Value::bytes(signature.as_raw()),
        ]);
        Value::Tag(TAG_SIGN1, Box::new(parts)).encode()
    }
}

/// A parsed `COSE_Sign1`. Its signature has not been checked.
#[derive(Clone)]
pub(crate) struct Sign1 {
    pub(crate) algorithm: i64,
    pub(crate) key_id: KeyId,
    pub(crate) body: Unsigned,
    pub(crate) signature: Signature,
}

impl Sign1 {
    pub(crate) fn parse(bytes: &[u8], content: Content) -> Result<Self, Malformed> {
        // A file of another kind is told so, not that its CBOR is at fault.
        if bytes.first() != Some(&FIRST_BYTE) {
            return Err(Malformed::NotCoseSign1);
        }
        let Value::Tag(TAG_SIGN1, parts) = Value::decode(bytes)? else {
            return Err(Malformed::NotCoseSign1);
        };
        let Value::Array(parts) = *parts else {
            return Err(Malformed::NotCoseSign1);
        };
        let Ok(
            [
                Value::Bytes(protected),
                Value::Map(unprotected),
                Value::Bytes(payload),
                Value::Bytes(signature),
            ],
        ) = <[Value<'_>; 4]>::try_from(parts)
        else {
            return Err(Malformed::NotCoseSign1);
        };
        if !unprotected.is_empty() {
            return Err(Malformed::Headers);
        }
        let (algorithm, key_id) = headers(&protected, content)?;
        let Ok(signature) = <[u8; 64]>::try_from(&*signature) else {
            return Err(Malformed::SignatureLength);
        };
        Ok(Self {
            algorithm,
            key_id,
            body: Unsigned {
                protected: protected.into_owned(),
                payload: payload.into_owned(),
            },
            signature: Signature::from_raw(signature),
        })
    }

    pub(crate) fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        key.verify(&self.body.to_be_signed(), &self.signature)
    }

    /// The check that [`Sign1::verify`] does, for many at once.
    pub(crate) fn check<'a>(&'a self, key: &'a PublicKey) -> Check<'a> {
        Check {
            key,
            message: self.body.to_be_signed(),
            signature: &self.signature,
        }
    }
}

fn headers(protected: &[u8], content: Content) -> Result<(i64, KeyId), Malformed> {
    let value = Value::decode(protected)?;
    let mut fields = Fields::open(&value, "protected")?;
    let key_id = fields.required(KEY_ID, fields::array_of)?;
    let algorithm = fields.required(ALGORITHM, |value, _| Ok(value.as_i64()))?;
    let content_type = fields.required(TYPE, |value, _| Ok(value))?;
    fields.close().map_err(|_unknown| Malformed::Headers)?;
    if *content_type != content.value() {
        return Err(Malformed::WrongType);
    }
    match algorithm {
        Some(algorithm) if Suite::is_known_algorithm(algorithm) => {
            Ok((algorithm, KeyId::from_bytes(key_id)))
        }
        Some(_) | None => Err(Malformed::UnknownAlgorithm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coset::{CborSerializable as _, TaggedCborSerializable as _};

    fn sample() -> Vec<u8> {
        let key_id = KeyId::from_bytes([9; 16]);
        Unsigned::new(
            Content::Licence,
            &Suite::Es256,
            &key_id,
            b"payload".to_vec(),
        )
        .complete(&Signature::from_raw([5; 64]))
    }

    #[test]
    fn another_implementation_reads_it_and_signs_the_same_bytes() {
        let bytes = sample();
        let theirs = coset::CoseSign1::from_tagged_slice(&bytes).unwrap();
        let ours = Sign1::parse(&bytes, Content::Licence).unwrap();
        assert_eq!(theirs.tbs_data(&[]), ours.body.to_be_signed());
        assert_eq!(theirs.protected.header.key_id, [9; 16]);
        assert_eq!(
            theirs.protected.header.alg,
            Some(coset::Algorithm::Assigned(coset::iana::Algorithm::ES256))
        );
        assert_eq!(theirs.to_tagged_vec().unwrap(), bytes);
    }

    fn parts(edit: impl FnOnce(&mut Vec<Value<'_>>)) -> Vec<u8> {
        let sample = sample();
        let Value::Tag(_, parts) = Value::decode(&sample).unwrap() else {
            unreachable!("a tagged sample")
        };
        let Value::Array(mut parts) = *parts else {
            unreachable!("an array inside")
        };
        edit(&mut parts);
        Value::Tag(TAG_SIGN1, Box::new(Value::Array(parts))).encode()
    }

    fn protected(entries: Vec<(i64, Value<'_>)>) -> Vec<u8> {
        let map = entries
            .into_iter()
            .map(|(key, value)| (Value::from(key), value))
            .collect();
        parts(|parts| parts[0] = Value::bytes(Value::Map(map).encode()))
    }

    #[test]
    fn other_shapes_are_refused_each_by_its_name() {
        let kid = || Value::bytes(vec![9; 16]);
        let typ = || Value::Unsigned(61);
        let headers = |alg: i64| vec![(1, Value::from(alg)), (4, kid()), (16, typ())];
        let with = |more: (i64, Value<'static>)| [headers(-7), vec![more]].concat();
        let untagged = sample()[1..].to_vec();
        let cases = [
            (untagged, Malformed::NotCoseSign1),
            (
                Value::Tag(17, Box::new(Value::Array(Vec::new()))).encode(),
                Malformed::NotCoseSign1,
            ),
            (parts(|parts| drop(parts.pop())), Malformed::NotCoseSign1),
            (
                parts(|parts| parts[2] = Value::text("payload")),
                Malformed::NotCoseSign1,
            ),
            (
                parts(|parts| parts[3] = Value::bytes(vec![5; 63])),
                Malformed::SignatureLength,
            ),
            (
                parts(|parts| parts[1] = Value::Map(vec![(Value::from(4), kid())])),
                Malformed::Headers,
            ),
            (
                protected(with((2, Value::Array(vec![Value::from(4)])))),
                Malformed::Headers,
            ),
            (protected(headers(-8)), Malformed::UnknownAlgorithm),
            (protected(headers(5)), Malformed::UnknownAlgorithm),
            (
                protected(vec![(1, Value::from(-7)), (4, kid())]),
                Malformed::MissingClaim("typ"),
            ),
            (
                protected(vec![(1, Value::from(-7)), (16, typ())]),
                Malformed::MissingClaim("kid"),
            ),
            (
                parts(|parts| parts[0] = Value::bytes(Vec::new())),
                Malformed::Truncated,
            ),
        ];
        for (bytes, refusal) in cases {
            assert_eq!(Sign1::parse(&bytes, Content::Licence).err(), Some(refusal));
        }
        let as_trust_list = Sign1::parse(&sample(), Content::TrustList);
        assert_eq!(as_trust_list.err(), Some(Malformed::WrongType));
    }

    #[test]
    fn header_bytes_are_the_same_in_both_implementations() {
        let theirs = coset::HeaderBuilder::new()
            .algorithm(coset::iana::Algorithm::ES256)
            .key_id(vec![9; 16])
            .value(16, ciborium::Value::Integer(61.into()))
            .build();
        let sample = sample();
        let Value::Tag(_, ours) = Value::decode(&sample).unwrap() else {
            unreachable!("a tagged sample")
        };
        let expected = Value::bytes(theirs.to_vec().unwrap());
        assert!(matches!(*ours, Value::Array(parts) if parts[0] == expected));
    }
}
