//! Keys that change while nodes serve (SC-64), lists that are renewed (SC-45), and who may do what.

mod emergency;
mod overlap;
mod refusals;
mod signing_anew;

use authority::{Submitted, TrustChange};
use credential::{KeyId, KeyUse, SignedTrustList, VerifiedTrustList, check_credential};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testkit::{
    app::{App, PASSWORD},
    client::Client,
    people::{BEIJING, CHENGDU},
};

use crate::{
    on_both_engines,
    steps::{driver_with_licence, verified},
};

on_both_engines!(
    sc_64_at_a_rotation_licences_of_both_keys_verify,
    sc_64_after_the_overlap_only_as_the_list_says,
    sc_45_a_renewed_list_is_fresh_again,
    two_persons_change_trust,
    whoever_brings_a_list_does_not_activate_it,
    of_two_activations_at_once_one_counts,
);

const ROTATE: TrustChange = TrustChange::Rotate {
    suite: None,
    key_use: None,
};

/// Three administrators; the first prepares.
async fn administrators(app: &App) -> [Client; 3] {
    let admin = app.staff("admin").await;
    for login in ["second", "third"] {
        let staff =
            json!({"login": login, "name": "演示员", "password": PASSWORD, "roles": ["admin"]});
        admin.post("/admin/staff", &staff).await.expect(201);
    }
    [admin, app.staff("second").await, app.staff("third").await]
}

/// Prepares a change, has the roots sign it, and brings it as the first administrator.
async fn brought(app: &App, change: &TrustChange) -> Submitted {
    let mut act = app.act();
    let proposal = app.authority.propose_trust(&mut act, change).await.unwrap();
    let signed = app.roots.sign(&proposal).unwrap();
    let submitted = app.authority.submit_trust(&mut act, &signed, Some("admin"));
    submitted.await.unwrap()
}

/// The same, which waits for so many; the path of the proposal.
async fn proposed(app: &App, change: &TrustChange, needed: u8) -> String {
    let brought = brought(app, change).await;
    let Submitted::Waits { id, needs } = brought else {
        panic!("it waits for nobody");
    };
    assert_eq!(needs, needed);
    format!("/admin/trust-proposals/{id}")
}

/// The same, activated by the second administrator.
async fn changed(app: &App, change: &TrustChange) -> Value {
    let path = proposed(app, change, 1).await;
    let second = app.staff("second").await;
    let activation = second.post(&format!("{path}/activation"), &json!({})).await;
    activation.expect(200)
}

async fn served_list(app: &App) -> VerifiedTrustList {
    let list = app.client().get("/trust-list").await;
    assert_eq!(list.status, 200);
    let list = SignedTrustList::from_json(&list.body).unwrap();
    list.verify(None).unwrap()
}

/// The licence key of SM2 by which new licences are signed now: the newest of those that sign.
fn signing_key(app: &App) -> KeyId {
    let keys = app.authority.keys(app.clock.now()).unwrap();
    let of_sm2 = |use_: KeyUse| {
        let keys = keys.iter().filter(|key| key.signs);
        let keys = keys.filter(|key| key.suite == "SM2-SM3" && key.key_use == use_.as_str());
        let newest = keys.max_by_key(|key| key.not_before);
        newest.unwrap().key_id.parse().unwrap()
    };
    assert_ne!(of_sm2(KeyUse::Licence), of_sm2(KeyUse::Online));
    of_sm2(KeyUse::Licence)
}

async fn file(driver: &Client) -> Vec<u8> {
    let file = driver
        .get("/holder/e-licence/credential?suite=SM2-SM3")
        .await;
    assert_eq!(file.status, 200, "{}", file.text());
    file.body
}

/// Key of the file and whether the list vouches for it.
fn offline(file: &[u8], list: &VerifiedTrustList, at: Timestamp) -> (KeyId, bool) {
    let key_id = *credential::Unverified::parse(file).unwrap().key_id();
    (key_id, check_credential(file, list, at).authentic)
}

async fn sc_64_at_a_rotation_licences_of_both_keys_verify(app: App) {
    administrators(&app).await;
    let (other, _) = app.second_node().await;
    let before = driver_with_licence(&app, BEIJING).await;
    let old = signing_key(&app);
    // At noon.
    app.clock.advance(SignedDuration::from_hours(24));
    let before = signed_in_again(&before).await;
    let activated = changed(&app, &ROTATE).await;
    assert_eq!(
        (&activated["version"], &activated["state"]),
        (&json!(2), &json!("activated"))
    );
    assert_eq!(activated["changes"].as_array().unwrap().len(), 4);
    assert_eq!(activated["changes"][0]["step"], "named");
    let new = signing_key(&app);
    assert_ne!(new, old);

    let after = driver_with_licence(&app, CHENGDU).await;
    let list = served_list(&app).await;
    assert_eq!(list.list().version, 2);
    let now = app.clock.now();
    for (driver, key) in [(&before, old), (&after, new)] {
        assert_eq!(offline(&file(driver).await, &list, now), (key, true));
        let facts = verified(&app, driver).await;
        assert_eq!(facts["authentic"]["outcome"], "yes");
        assert_eq!(facts["authentic"]["key_id"], key.to_string());
    }
    // The other node learns it by itself, and once.
    assert_eq!(other.keys(now).unwrap().len(), 4);
    assert!(other.refresh_trust(now).await.unwrap());
    assert!(!other.refresh_trust(now).await.unwrap());
    assert_eq!(
        other.keys(now).unwrap(),
        app.authority.keys(app.clock.now()).unwrap()
    );
    assert_eq!(
        other.trust_list().unwrap(),
        app.authority.trust_list().unwrap()
    );
}

/// The driver of Beijing on the same device, since the session of yesterday has ended.
async fn signed_in_again(driver: &Client) -> Client {
    let again = driver.on_same_device();
    let session = json!({"kind": "holder", "login": BEIJING, "password": PASSWORD});
    again.post("/sessions", &session).await.done();
    again
}

async fn sc_64_after_the_overlap_only_as_the_list_says(app: App) {
    administrators(&app).await;
    let driver = driver_with_licence(&app, BEIJING).await;
    let (old, kept) = (signing_key(&app), file(&driver).await);
    app.clock.advance(SignedDuration::from_secs(60));
    // The last key is not retired.
    let only = app
        .authority
        .propose_trust(&mut app.act(), &TrustChange::Retire(old))
        .await;
    assert_eq!(only.unwrap_err().code(), "last-signing-key");
    changed(&app, &ROTATE).await;
    let new = signing_key(&app);
    app.clock.advance(SignedDuration::from_secs(60));
    let retired = changed(&app, &TrustChange::Retire(old)).await;
    assert_eq!(
        retired["changes"],
        json!([{
            "key_id": old.to_string(), "suite": "SM2-SM3", "key_use": "licence", "step": "retired",
        }])
    );
    // What was signed in its time stays good, whoever kept it.
    let list = served_list(&app).await;
    assert_eq!(offline(&kept, &list, app.clock.now()), (old, true));
    // On contact the holder gets another, which is the same credential.
    driver.get("/holder/e-licence").await.expect(200);
    let anew = file(&driver).await;
    assert_eq!(offline(&anew, &list, app.clock.now()), (new, true));
    let claims = |file: &[u8]| {
        let verified = credential::Unverified::parse(file).unwrap().verify(&list);
        verified.unwrap().claims().clone()
    };
    let (was, is) = (claims(&kept), claims(&anew));
    assert!(is.issued_at > was.issued_at && is.expires_at > was.expires_at);
    let same = credential::LicenceClaims {
        issued_at: was.issued_at,
        not_before: was.not_before,
        expires_at: was.expires_at,
        ..is
    };
    assert_eq!(same, was);
    // Revoked by a list, the kept one is good for nothing.
    assert_eq!(
        brought(&app, &TrustChange::Revoke(old)).await,
        Submitted::Activated
    );
    let list = served_list(&app).await;
    assert_eq!(list.list().version, 4);
    assert_eq!(offline(&kept, &list, app.clock.now()), (old, false));
    assert_eq!(offline(&anew, &list, app.clock.now()), (new, true));
    assert_eq!(verified(&app, &driver).await["authentic"]["outcome"], "yes");
}

async fn sc_45_a_renewed_list_is_fresh_again(app: App) {
    administrators(&app).await;
    let driver = driver_with_licence(&app, BEIJING).await;
    let file = file(&driver).await;
    let list = served_list(&app).await;
    app.clock.advance(SignedDuration::from_hours(30 * 24));
    assert!(list.is_stale(app.clock.now()));
    let notes = app.client().get("/readyz").await.text();
    assert!(
        notes.starts_with("ready\n") && notes.contains("stale"),
        "{notes}"
    );
    let stale = check_credential(&file, &list, app.clock.now());
    assert!(
        stale
            .reasons
            .iter()
            .any(|reason| reason.code == "trust-list-stale"),
        "{stale:?}"
    );

    let renewed = changed(&app, &TrustChange::Renew).await;
    assert_eq!(renewed["changes"], json!([]));
    let list = served_list(&app).await;
    assert!(!list.is_stale(app.clock.now()));
    let fresh = check_credential(&file, &list, app.clock.now());
    assert!(
        fresh.authentic
            && fresh
                .reasons
                .iter()
                .all(|reason| reason.code != "trust-list-stale")
    );
    assert_eq!(app.client().get("/readyz").await.text(), "ready\n");
}

async fn two_persons_change_trust(app: App) {
    let [admin, second, third] = administrators(&app).await;
    let path = proposed(&app, &ROTATE, 1).await;
    let activation = format!("{path}/activation");
    let nobody = app.client();
    nobody
        .post(&activation, &json!({}))
        .await
        .problem(401, "sign-in-required");
    for login in ["reviewer-1101", "police"] {
        let officer = app.staff(login).await;
        for path in [&activation, &format!("{path}/rejection")] {
            officer
                .post(path, &json!({}))
                .await
                .problem(403, "not-your-role");
        }
        for path in ["/admin/trust-proposals", "/admin/keys"] {
            officer.get(path).await.problem(403, "not-your-role");
        }
    }
    admin
        .post(&activation, &json!({}))
        .await
        .problem(403, "second-administrator-needed");
    let list = second.get("/admin/trust-proposals").await.expect(200);
    assert_eq!(
        (&list[0]["state"], &list[0]["needs"]),
        (&json!("open"), &json!(1))
    );
    assert_eq!(app.authority.keys(app.clock.now()).unwrap().len(), 4);
    let done = second.post(&activation, &json!({})).await.expect(200);
    assert_ne!(done["prepared_by"], done["settled_by"]);
    assert_eq!(app.authority.keys(app.clock.now()).unwrap().len(), 8);
    third
        .post(&activation, &json!({}))
        .await
        .problem(409, "not-in-this-state");
}

async fn whoever_brings_a_list_does_not_activate_it(app: App) {
    let [admin, _, third] = administrators(&app).await;
    // Brought over HTTP it is who is signed in, and they do not activate it either.
    let mut act = app.act();
    let proposal = app
        .authority
        .propose_trust(&mut act, &TrustChange::Renew)
        .await
        .unwrap();
    let signed = app.roots.sign(&proposal).unwrap().to_json();
    let officer = app.staff("police").await;
    let body = json!({"signed": signed});
    officer
        .post("/admin/trust-proposals", &body)
        .await
        .problem(403, "not-your-role");
    let waits = third
        .post("/admin/trust-proposals", &body)
        .await
        .expect(201);
    assert_eq!(
        (&waits["state"], &waits["needs"]),
        (&json!("waits"), &json!(1))
    );
    let activation = format!(
        "/admin/trust-proposals/{}/activation",
        waits["id"].as_str().unwrap()
    );
    third
        .post(&activation, &json!({}))
        .await
        .problem(403, "second-administrator-needed");
    admin.post(&activation, &json!({})).await.expect(200);
    // At the command line it is an administrator who is named.
    let proposal = app
        .authority
        .propose_trust(&mut act, &TrustChange::Renew)
        .await
        .unwrap();
    let signed = app.roots.sign(&proposal).unwrap();
    for nobody in ["police", "nobody"] {
        let refused = app
            .authority
            .submit_trust(&mut act, &signed, Some(nobody))
            .await;
        assert_eq!(refused.unwrap_err().code(), "not-your-role");
    }
    // Only the command line prepares.
    act.actor = authority::Actor::Anonymous;
    let refused = app.authority.propose_trust(&mut act, &ROTATE).await;
    assert_eq!(refused.unwrap_err().code(), "not-your-role");
}

async fn of_two_activations_at_once_one_counts(app: App) {
    let [_, second, third] = administrators(&app).await;
    let one = format!(
        "{}/activation",
        proposed(&app, &TrustChange::Renew, 1).await
    );
    let other = format!(
        "{}/activation",
        proposed(&app, &TrustChange::Renew, 1).await
    );
    let body = json!({});
    let (a, b) = tokio::join!(second.post(&one, &body), third.post(&other, &body));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", a.text(), b.text());
    assert_eq!(served_list(&app).await.list().version, 2);
}
