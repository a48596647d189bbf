//! Every reason that a check can give, for documents and for those who translate them.

use crate::{
    KeyId,
    code::{CodeRefusal, NotFresh},
    cwt::Refusal,
    malformed::Malformed,
    numeric::NotACode,
    reason::Reason,
    rest::RestRefusal,
    stamp::{StampLapse, StampRefusal},
    status_list::ListRefusal,
    succession::NotASuccessor,
    trust::TrustRefusal,
    verify::{self, Status},
};

const MALFORMED: [Malformed; 26] = [
    Malformed::TooLarge,
    Malformed::Truncated,
    Malformed::TrailingBytes,
    Malformed::NotCanonical,
    Malformed::DuplicateKey,
    Malformed::UnsupportedCbor,
    Malformed::TooDeep,
    Malformed::NotUtf8,
    Malformed::NotCoseSign1,
    Malformed::Headers,
    Malformed::WrongType,
    Malformed::UnknownAlgorithm,
    Malformed::SignatureLength,
    Malformed::MissingClaim(""),
    Malformed::UnknownClaim,
    Malformed::ClaimType(""),
    Malformed::ClaimValue(""),
    Malformed::NotTrustJson,
    Malformed::NotStatusList,
    Malformed::Compression,
    Malformed::BadPublicKey,
    Malformed::RepeatedKey,
    Malformed::NotCodeText,
    Malformed::NotBase45,
    Malformed::UnknownCodeKind,
    Malformed::NotVerifierState,
];
const CREDENTIAL: [Refusal; 9] = [
    Refusal::Foreign,
    Refusal::ReSigned,
    Refusal::WrongUse,
    Refusal::BadSignature,
    Refusal::AlgorithmMismatch,
    Refusal::KeyDistrusted,
    Refusal::KeyNotValidThen,
    Refusal::IssuerMismatch,
    Refusal::Malleated,
];
const STAMP: [StampRefusal; 5] = [
    StampRefusal::KeyUnknown,
    StampRefusal::BadSignature,
    StampRefusal::Malleated,
    StampRefusal::KeyDistrusted,
    StampRefusal::KeyNotValidThen,
];
const LIST: [ListRefusal; 5] = [
    ListRefusal::UnknownKey,
    ListRefusal::AlgorithmMismatch,
    ListRefusal::BadSignature,
    ListRefusal::KeyDistrusted,
    ListRefusal::KeyNotValidThen,
];
const TRUST: [TrustRefusal; 3] = [
    TrustRefusal::OtherRoot,
    TrustRefusal::BadSignature,
    TrustRefusal::Disagreement,
];
const STATUS: [Status; 4] = [
    Status::Unknown,
    Status::Invalid,
    Status::Suspended,
    Status::Red,
];

/// Every reason that a check can give, each code once, in the order in which a check comes to them:
/// what was read, who signed it, its time, its status, and the lists themselves.
#[must_use]
pub fn reasons() -> Vec<Reason> {
    let no_key = KeyId::from_bytes([0; 16]);
    let successor = [
        NotASuccessor::Version,
        NotASuccessor::Earlier,
        NotASuccessor::Lost(no_key),
        NotASuccessor::Altered(no_key),
        NotASuccessor::Backwards(no_key),
    ];
    let mut reasons = vec![NotACode.reason()];
    reasons.extend(MALFORMED.map(Malformed::reason));
    reasons.extend(CREDENTIAL.map(Refusal::reason));
    let device = [CodeRefusal::OtherDevice, CodeRefusal::OtherPortrait];
    reasons.extend(device.map(CodeRefusal::reason));
    reasons.extend(STAMP.map(StampRefusal::reason));
    reasons.extend([StampLapse::Stale, StampLapse::NotYetValid].map(StampLapse::reason));
    reasons.extend([NotFresh::OutsideWindow, NotFresh::ClockOff].map(NotFresh::reason));
    reasons.extend(verify::OWN);
    reasons.extend(STATUS.iter().filter_map(|status| status.reason()));
    reasons.push(RestRefusal::NotOpened.reason());
    reasons.extend(LIST.map(ListRefusal::reason));
    reasons.extend(TRUST.map(TrustRefusal::reason));
    reasons.extend(successor.map(NotASuccessor::reason));
    reasons
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use super::*;

    #[test]
    fn each_code_stands_for_one_reason() {
        let mut texts = BTreeMap::new();
        for reason in reasons() {
            let before = texts.insert(reason.code, reason);
            assert!(before.is_none(), "{}", reason.code);
            assert!(!reason.zh.is_empty() && !reason.en.is_empty());
        }
    }

    /// What the sources make a reason of, the tests aside.
    fn written(folder: &Path, codes: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                written(&path, codes);
            } else if path.file_name().is_some_and(|name| name != "tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let product = text.split("#[cfg(test)]\nmod ").next().unwrap();
                let made = product.split("Reason::new(").skip(1);
                codes.extend(made.filter_map(|rest| {
                    let code = rest.trim_start().strip_prefix('"')?;
                    Some(code.split('"').next()?.to_owned())
                }));
            }
        }
    }

    #[test]
    fn no_reason_is_left_out() {
        let mut codes = Vec::new();
        written(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut codes,
        );
        assert!(codes.len() > 20, "{codes:?}");
        let known = reasons();
        for code in codes {
            assert!(known.iter().any(|reason| reason.code == code), "{code}");
        }
        // Where the code stands apart from the texts, every variant is named above.
        for one in [
            Refusal::WrongUse.reason(),
            StampRefusal::KeyWrongUse.reason(),
            ListRefusal::WrongUse.reason(),
        ] {
            assert!(known.contains(&one));
        }
    }
}
