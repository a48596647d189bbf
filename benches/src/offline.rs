//! `verify-offline`: a credential checked with nothing but a trust list: parsed, signature
//! verified, key and times judged.

use credential::{SignedTrustList, check_credential};

use crate::{
    crypto,
    figure::{Failed, Rounds, note, per_core_second},
    group::Extent,
    openssl,
    platform::{Licensed, NOW, Platform},
};

const ROUNDS: u32 = 3;
/// The suite that verification reads first by default.
const SM2: &str = "verify-offline";
const ES256: &str = "verify-offline-es256";

pub(crate) async fn run(
    platform: &Platform,
    licensed: &Licensed,
    extent: Extent,
) -> Result<(), Failed> {
    note("offline: per second of one core's own time; peers verify a signature and nothing else");
    let authority = platform.authority();
    let trust = SignedTrustList::from_json(authority.trust_list()?.as_bytes())?.verify(None)?;
    let credential = licensed.current.credential.as_ref();
    let credential = credential.ok_or_else(|| Failed::new("an e-licence has no credential"))?;
    let forms = authority
        .store()
        .forms(&licensed.holder, &credential.id)
        .await?;
    let turn = crypto::turn(extent);
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        for form in &forms {
            let name = if form.suite == "ES256" { ES256 } else { SM2 };
            let checked =
                per_core_second(turn, || check_credential(&form.form, &trust, NOW).authentic)?;
            rounds.add(name, checked);
        }
        crypto::with_aws(&mut rounds, turn)?;
        crypto::with_ring(&mut rounds, turn)?;
        crypto::with_sm2(&mut rounds, turn)?;
        openssl::speed(&mut rounds);
    }
    rounds.tell(
        SM2,
        "1/s",
        &[
            "openssl-p256/verify",
            "openssl-sm2/verify",
            "sm2-crate/verify",
        ],
    )?;
    rounds.tell(
        ES256,
        "1/s",
        &["openssl-p256/verify", "aws-lc-rs/verify", "ring/verify"],
    )
}
