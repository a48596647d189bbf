//! Lists that may not follow, proposals that are out of date, a store that falls back.

use super::*;
use authority::{Error, SignedProposal};
use credential::{
    KeyState, NumericDate, Signer, SoftwareSigner, Suite, TrustList, TrustedKey, sign_trust_list,
};
use testkit::random::seeded;
use zeroize::Zeroizing;

use crate::audit::execute;

crate::on_both_engines!(
    lists_that_may_not_follow_are_refused_each_by_its_reason,
    files_that_are_none_and_other_roots_are_refused,
    a_proposal_that_another_overtook_is_stale,
    a_rejected_proposal_leaves_no_key_behind,
    sc_45_a_store_that_falls_back_or_is_another_is_not_followed,
);

/// The app's roots, to sign what its own code would not.
fn roots(app: &App) -> Vec<SoftwareSigner> {
    let file: Value = serde_json::from_str(&app.roots.to_json()).unwrap();
    let keys = file["keys"].as_array().unwrap().iter();
    keys.map(|key| {
        let suite: Suite = key["suite"].as_str().unwrap().parse().unwrap();
        let mut secret = Zeroizing::new([0; 32]);
        hex::decode_to_slice(key["secret"].as_str().unwrap(), secret.as_mut_slice()).unwrap();
        SoftwareSigner::from_secret(&suite, secret).unwrap()
    })
    .collect()
}

fn signed(list: &TrustList, roots: &[SoftwareSigner]) -> SignedProposal {
    let roots: Vec<&dyn Signer> = roots.iter().map(|root| -> &dyn Signer { root }).collect();
    let trust = sign_trust_list(list, &roots).unwrap().to_json();
    let file = json!({"format": "jiazhao-signed-trust/1", "trust": trust, "certificates": {}});
    SignedProposal::from_json(file.to_string().as_bytes()).unwrap()
}

fn strangers() -> Vec<SoftwareSigner> {
    let suites = (1..).zip([Suite::Es256, Suite::sm2()]);
    suites
        .map(|(seed, suite)| SoftwareSigner::generate(&suite, &mut seeded(seed)).unwrap())
        .collect()
}

/// Code of a refusal and of its first reason.
fn refused(result: Result<Submitted, Error>) -> (&'static str, String) {
    let error = result.unwrap_err();
    let reason = error.reasons().first().map(|reason| reason.code.clone());
    (error.code(), reason.unwrap_or_default())
}

async fn submit(app: &App, signed: &SignedProposal) -> Result<Submitted, Error> {
    let mut act = app.act();
    app.authority
        .submit_trust(&mut act, signed, Some("admin"))
        .await
}

/// The list that would renew the one in use.
fn next(list: &VerifiedTrustList, now: Timestamp) -> TrustList {
    TrustList {
        version: list.list().version + 1,
        issued_at: NumericDate::floor(now),
        next_update: NumericDate::floor(now + SignedDuration::from_hours(24)),
        ..list.list().clone()
    }
}

async fn lists_that_may_not_follow_are_refused_each_by_its_reason(app: App) {
    administrators(&app).await;
    let own = roots(&app);
    let strangers = strangers();
    let now = app.clock.now();
    let list = served_list(&app).await;
    let with = |change: &dyn Fn(&mut TrustList)| {
        let mut list = next(&list, now);
        change(&mut list);
        list
    };
    let elsewhere = TrustedKey {
        public_key: strangers[0].public_key().clone(),
        ..list.list().keys[0].clone()
    };
    let later = NumericDate::floor(now + SignedDuration::from_hours(1));
    let cases: Vec<(TrustList, &str)> = vec![
        (with(&|list| list.version += 1), "trust-version"),
        (with(&|list| drop(list.keys.pop())), "trust-key-lost"),
        (
            with(&|list| list.keys[0].issuer.push('x')),
            "trust-key-altered",
        ),
        (
            with(&|list| list.keys.push(elsewhere.clone())),
            "trust-key-elsewhere",
        ),
        (with(&|list| list.issued_at = later), "trust-in-the-future"),
    ];
    for (list, reason) in cases {
        let submitted = submit(&app, &signed(&list, &own)).await;
        assert_eq!(
            refused(submitted),
            ("trust-list-refused", reason.to_owned())
        );
    }
    let good = next(&list, now);
    for others in [&strangers[..], &own[..1]] {
        let submitted = submit(&app, &signed(&good, others)).await;
        assert_eq!(refused(submitted).1, "trust-other-root");
    }
    // Rolled back: the list in use, and one before it.
    for version in [0, 1] {
        let old = with(&|list| list.version = version);
        let submitted = submit(&app, &signed(&old, &own)).await;
        assert_eq!(refused(submitted).0, "trust-proposal-stale");
    }
    // Signed long ago and past its next update.
    let brief = signed(&good, &own);
    app.clock.advance(SignedDuration::from_hours(24));
    let submitted = submit(&app, &brief).await;
    assert_eq!(refused(submitted).1, "trust-list-stale");
    assert_eq!(served_list(&app).await.list(), list.list());
}

async fn files_that_are_none_and_other_roots_are_refused(app: App) {
    administrators(&app).await;
    let list = served_list(&app).await;
    let strangers = strangers();
    // Files that are none.
    let admin = app.staff("admin").await;
    let unsigned = app
        .authority
        .propose_trust(&mut app.act(), &TrustChange::Renew)
        .await
        .unwrap();
    for text in ["", "{}", "[1]", unsigned.to_json().as_str()] {
        let answer = admin
            .post("/admin/trust-proposals", &json!({"signed": text}))
            .await;
        assert_eq!(
            answer.problem(422, "trust-list-refused"),
            ["not-a-proposal"]
        );
    }
    // Roots sign nothing that would not be accepted either.
    let strange = authority::RootKeys::from_json(
        json!({"format": "jiazhao-root-keys/1", "keys": strangers.iter().map(|root| json!({
            "suite": root.suite().to_string(), "secret": hex::encode(*root.secret()),
        })).collect::<Vec<_>>()})
        .to_string()
        .as_bytes(),
    );
    let not_signed = strange.unwrap().sign(&unsigned).unwrap_err();
    assert_eq!(not_signed.reasons()[0].code, "trust-other-root");
    assert_eq!(served_list(&app).await.list(), list.list());
    assert!(
        admin
            .get("/admin/trust-proposals")
            .await
            .expect(200)
            .as_array()
            .unwrap()
            .is_empty()
    );
}

async fn a_proposal_that_another_overtook_is_stale(app: App) {
    let [_, second, third] = administrators(&app).await;
    let slow = proposed(&app, &ROTATE, 1).await;
    let quick = proposed(&app, &TrustChange::Renew, 1).await;
    second
        .post(&format!("{quick}/activation"), &json!({}))
        .await
        .expect(200);
    third
        .post(&format!("{slow}/activation"), &json!({}))
        .await
        .problem(409, "trust-proposal-stale");
    let list = third.get("/admin/trust-proposals").await.expect(200);
    let mut list = list.as_array().unwrap().iter();
    let shown = list
        .find(|one| slow.ends_with(one["id"].as_str().unwrap()))
        .unwrap();
    assert_eq!(
        (&shown["stale"], &shown["state"]),
        (&json!(true), &json!("open"))
    );
    let rejection = format!("{slow}/rejection");
    third.post(&rejection, &json!({})).await.expect(200);
    third
        .post(&rejection, &json!({}))
        .await
        .problem(409, "not-in-this-state");
    third
        .post("/admin/trust-proposals/nothing/rejection", &json!({}))
        .await
        .problem(404, "not-found");
}

async fn a_rejected_proposal_leaves_no_key_behind(app: App) {
    let [_, second, third] = administrators(&app).await;
    let held = async || app.authority.store().signing_keys().await.unwrap().len();
    assert_eq!(held().await, 4);
    let path = proposed(&app, &ROTATE, 1).await;
    assert_eq!(held().await, 8);
    // Prepared keys sign nothing.
    assert_eq!(app.authority.keys(app.clock.now()).unwrap().len(), 4);
    second
        .post(&format!("{path}/rejection"), &json!({}))
        .await
        .expect(200);
    assert_eq!(held().await, 4);
    third
        .post(&format!("{path}/activation"), &json!({}))
        .await
        .problem(409, "not-in-this-state");
    // A rejected renewal takes no key that is named.
    let path = proposed(&app, &TrustChange::Renew, 1).await;
    second
        .post(&format!("{path}/rejection"), &json!({}))
        .await
        .expect(200);
    assert_eq!(held().await, 4);
}

async fn sc_45_a_store_that_falls_back_or_is_another_is_not_followed(app: App) {
    administrators(&app).await;
    changed(&app, &TrustChange::Renew).await;
    let list = served_list(&app).await;
    assert_eq!(list.list().version, 2);
    let now = app.clock.now();
    execute(&app, "UPDATE trust_lists SET version = 0 WHERE version = 2").await;
    app.authority.refresh_trust(now).await.unwrap_err();
    assert_eq!(served_list(&app).await, list);
    // Whoever revokes a key in an emergency is heard all the same.
    let admin = app.staff("admin").await;
    let path = format!("/admin/keys/{}/revocation", signing_key(&app));
    let why = json!({"reason": "compromised"});
    let revoked = admin.post(&path, &why).await.expect(200);
    assert_eq!(revoked["state"], "revoked");
    execute(&app, "UPDATE trust_lists SET version = 2 WHERE version = 0").await;
    assert!(!app.authority.refresh_trust(now).await.unwrap());
    // A list of other roots, put there past the platform.
    let stranger = SoftwareSigner::generate(&Suite::Es256, &mut seeded(9)).unwrap();
    let mut foreign = next(&list, now);
    foreign.keys.retain(|key| key.state == KeyState::Active);
    let document = sign_trust_list(&foreign, &[&stranger]).unwrap().to_json();
    let insert = format!(
        "INSERT INTO trust_lists (version, document, issued_at) VALUES (3, '{document}', 0)"
    );
    execute(&app, &insert).await;
    app.authority.refresh_trust(now).await.unwrap_err();
    assert_eq!(served_list(&app).await, list);
}
