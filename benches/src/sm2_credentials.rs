//! Credentials checked offline in batches, as `jiazhao verify --batch` does with what it has read: parsed, hashed,
//! signatures verified, claims read, key and times judged, answers made.

use std::time::Duration;

use credential::{
    KeyState, KeyUse, LicenceClaims, NumericDate, Sex, SignedTrustList, Signer, SoftwareSigner,
    StatusReference, Suite, TrustList, TrustedKey, Validity, check_credential, check_credentials,
    issue, sign_trust_list,
};
use jiff::{Timestamp, civil::date};
use zeroize::Zeroizing;

use crate::figure::{Failed, note, per_core_second, rate_of};

const ISSUER: &str = "CN-BENCH";
const CREDENTIALS: u32 = 4_096;
/// Credentials of a batch, as the command takes them.
const BATCH: usize = 1_024;
const DAY: i64 = 24 * 60 * 60;
/// When everything is checked.
pub(crate) const NOW: i64 = 1_700_000_000;

pub(crate) fn run(turn: Duration) -> Result<(), Failed> {
    let signer = SoftwareSigner::from_secret(&Suite::sm2(), Zeroizing::new([0x44; 32]))?;
    let trust = trust(&signer)?.verify(None)?;
    let credentials = credentials(&signer)?;
    let now = Timestamp::from_second(NOW)?;
    let mut next = credentials.iter().cycle();
    let alone = per_core_second(turn, || {
        next.next()
            .is_some_and(|it| check_credential(it, &trust, now).authentic)
    })?;
    let mut batches = credentials.chunks_exact(BATCH).cycle();
    let in_batches = rate_of(turn, || {
        let answers = check_credentials(batches.next().unwrap_or_default(), &trust, now);
        answers.len() == BATCH && answers.iter().all(|it| it.authentic)
    })?;
    let rate = in_batches * f64::from(u32::try_from(BATCH)?);
    let bytes = credentials.first().map_or(0, Vec::len);
    note(&format!(
        "credentials of {bytes} bytes, checked offline: {alone:.0}/s one at a time, {rate:.0}/s in batches of {BATCH}"
    ));
    Ok(())
}

/// As many as are checked in turn.
pub(crate) fn credentials(signer: &SoftwareSigner) -> Result<Vec<Vec<u8>>, Failed> {
    let mut credentials = Vec::new();
    for number in 0..CREDENTIALS {
        credentials.push(issue(&claims(number)?, signer)?);
    }
    Ok(credentials)
}

fn at(second: i64) -> Result<NumericDate, Failed> {
    Ok(NumericDate::try_from(Timestamp::from_second(second)?)?)
}

/// The list that knows their key.
pub(crate) fn trust(signer: &SoftwareSigner) -> Result<SignedTrustList, Failed> {
    let list = TrustList {
        version: 1,
        issued_at: at(NOW - DAY)?,
        next_update: at(NOW + DAY)?,
        keys: vec![TrustedKey {
            public_key: signer.public_key().clone(),
            issuer: ISSUER.to_owned(),
            not_before: at(NOW - DAY)?,
            not_after: at(NOW + DAY)?,
            key_use: KeyUse::Licence,
            state: KeyState::Active,
        }],
    };
    let root = SoftwareSigner::from_secret(&Suite::sm2(), Zeroizing::new([0x45; 32]))?;
    Ok(sign_trust_list(&list, &[&root])?)
}

/// A licence of nobody, with every claim but a device key.
fn claims(number: u32) -> Result<LicenceClaims, Failed> {
    Ok(LicenceClaims {
        issuer: ISSUER.to_owned(),
        e_licence_id: format!("el-{number}"),
        credential_id: format!("cr-{number}"),
        issued_at: at(NOW - 60)?,
        not_before: at(NOW - 60)?,
        expires_at: at(NOW + DAY)?,
        generated_at: at(NOW - 60)?,
        status: StatusReference {
            list: "https://jiazhao.example/api/v1/status-lists/7".to_owned(),
            index: u64::from(number),
        },
        certificate_identifier: None,
        licence_number: format!("510199{number:012}"),
        name: "样例".to_owned(),
        sex: Sex::Female,
        nationality: "CHN".to_owned(),
        birth_date: date(1990, 1, 1),
        address: Some("成都市样例区测试路0号".to_owned()),
        first_issue_date: date(2010, 5, 4),
        classes: vec!["C1".to_owned()],
        valid_from: date(2016, 5, 4),
        valid_until: Validity::LongTerm,
        authority_code: "5101".to_owned(),
        authority_name: "四川省成都市公安局交通管理局".to_owned(),
        file_number: Some("510199000001".to_owned()),
        document_edition: 1,
        portrait_sha256: Some([0xab; 32]),
        holder_key: None,
    })
}
