//! The credential as a file, checked offline with the trust list (SC-42).

use credential::{
    Answer, LicenceClaims, SignedTrustList, Signer as _, SoftwareSigner, Suite, Unverified,
    check_credential, issue,
};
use serde_json::Value;
use testkit::{app::App, people::BEIJING};

use crate::{on_both_engines, steps::driver_with_licence};

on_both_engines!(
    sc_42_altered_re_signed_and_foreign_files_are_told_apart,
    the_trust_list_is_public_and_signed_by_the_roots,
);

async fn sc_42_altered_re_signed_and_foreign_files_are_told_apart(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let list = app.client().get("/trust-list").await;
    assert_eq!(list.status, 200);
    let trust = SignedTrustList::from_json(&list.body)
        .unwrap()
        .verify(None)
        .unwrap();
    let now = app.clock.now();
    for suite in [Suite::Es256, Suite::sm2()] {
        let path = format!("/holder/e-licence/credential?suite={suite}");
        let file = driver.get(&path).await;
        assert_eq!(file.status, 200);
        let answer = check_credential(&file.body, &trust, now);
        assert!(answer.authentic && !answer.fresh);
        assert_eq!(answer.exit_code(), 2, "authentic, and its status unknown");

        let claims = Unverified::parse(&file.body)
            .unwrap()
            .verify(&trust)
            .unwrap()
            .claims()
            .clone();
        assert_eq!(claims.licence_number, BEIJING);
        let sum = hash(&testkit::people::photo(40));
        assert_eq!(claims.portrait_sha256.unwrap().to_vec(), sum);

        let mut altered = file.body.clone();
        let name = altered.len() - 120;
        altered[name] ^= 1;
        refused(&check_credential(&altered, &trust, now));
        // Re-signed and foreign: another's key, in the true issuer's name and in their own.
        let stranger = SoftwareSigner::generate(&suite, &mut testkit::random::seeded(3)).unwrap();
        let codes = [
            reasons(&signed_by(&stranger, &claims, &trust, now)),
            reasons(&signed_by(
                &stranger,
                &LicenceClaims {
                    issuer: "urn:elsewhere".to_owned(),
                    ..claims
                },
                &trust,
                now,
            )),
        ];
        assert_ne!(codes[0], codes[1]);
        let year_later = now + jiff::SignedDuration::from_hours(366 * 24);
        let expired = check_credential(&file.body, &trust, year_later);
        assert_eq!(expired.exit_code(), 1);
    }
}

fn signed_by(
    signer: &SoftwareSigner,
    claims: &LicenceClaims,
    trust: &credential::VerifiedTrustList,
    now: jiff::Timestamp,
) -> Answer {
    assert!(trust.key(signer.key_id()).is_none());
    let answer = check_credential(&issue(claims, signer).unwrap(), trust, now);
    refused(&answer);
    answer
}

fn refused(answer: &Answer) {
    assert!(!answer.authentic);
    assert_eq!(answer.exit_code(), 1);
    let text = serde_json::to_string(answer).unwrap();
    assert!(
        !text.contains("revoked") && !text.contains("吊销"),
        "{text}"
    );
}

fn reasons(answer: &Answer) -> Vec<&'static str> {
    answer.reasons.iter().map(|reason| reason.code).collect()
}

fn hash(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}

async fn the_trust_list_is_public_and_signed_by_the_roots(app: App) {
    let list = app.client().get("/trust-list").await;
    let json: Value = list.done();
    assert_eq!(json["format"], "jiazhao-trust/1");
    assert_eq!(json["roots"].as_array().unwrap().len(), 2);
    let mut tampered = json.clone();
    tampered["roots"][0] = json["roots"][1].clone();
    let parsed = SignedTrustList::from_json(tampered.to_string().as_bytes());
    assert!(parsed.is_err() || parsed.unwrap().verify(None).is_err());
    // Ready means: the database answers and there are keys.
    assert_eq!(app.client().get("/readyz").await.status, 200);
}

/// Exchanges two holders' signed forms by SQL.
pub(crate) async fn swap_forms(app: &App) {
    sqlx::any::install_default_drivers();
    let url = app.database_url();
    let url = url
        .strip_prefix("sqlite:")
        .map_or_else(|| url.to_owned(), |path| format!("sqlite:{path}?mode=rw"));
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let rows: Vec<(String, String, Vec<u8>)> =
        sqlx::query_as("SELECT credential_id, suite, form_sealed FROM credential_forms")
            .fetch_all(&pool)
            .await
            .unwrap();
    for (credential, suite, _) in &rows {
        let other = rows
            .iter()
            .find(|row| row.0 != *credential && row.1 == *suite)
            .unwrap();
        sqlx::query(
            "UPDATE credential_forms SET form_sealed = $1 WHERE credential_id = $2 AND suite = $3",
        )
        .bind(&other.2)
        .bind(credential)
        .bind(suite)
        .execute(&pool)
        .await
        .unwrap();
    }
    pool.close().await;
}
