//! One person revokes at once, two undo it.

use super::*;
use crate::status_lists::{CWT, fetch, publish};
use crate::steps::{apply, codes, decide, deliver};
use credential::UnverifiedStatusList;
use testkit::{clock::monday_noon, people::record};

crate::on_both_engines!(
    sc_64_an_emergency_revocation_counts_at_once,
    sc_64_issue_goes_on_after_a_rotation,
    sc_64_two_lift_an_emergency_revocation,
    a_revocation_of_a_list_is_undone_by_two_others,
    an_online_key_is_revoked_too,
    sc_64_lists_by_a_revoked_key_are_replaced_before_their_period,
);

fn revocation(key: KeyId) -> String {
    format!("/admin/keys/{key}/revocation")
}

fn restoration(key: KeyId) -> String {
    format!("/admin/keys/{key}/restoration")
}

fn state(node: &authority::Authority, key: KeyId) -> String {
    let mut keys = node.keys(monday_noon()).unwrap().into_iter();
    let view = keys.find(|view| view.key_id == key.to_string());
    view.unwrap().state
}

async fn distrusted(app: &App, driver: &Client) -> bool {
    let facts = verified(app, driver).await;
    let because = codes(&facts["authentic"]["reasons"]);
    match facts["authentic"]["outcome"].as_str().unwrap() {
        "no" => {
            assert_eq!(because, ["key-distrusted"]);
            true
        }
        outcome => {
            assert_eq!((outcome, because.len()), ("yes", 0));
            false
        }
    }
}

async fn sc_64_an_emergency_revocation_counts_at_once(app: App) {
    let [admin, ..] = administrators(&app).await;
    let driver = driver_with_licence(&app, BEIJING).await;
    assert!(!distrusted(&app, &driver).await);
    let (other, other_client) = app.second_node().await;
    let key = signing_key(&app);
    let why = json!({"reason": "compromised"});
    let police = app.staff("police").await;
    police
        .post(&revocation(key), &why)
        .await
        .problem(403, "not-your-role");
    let foreign = KeyId::from_bytes([7; 16]);
    admin
        .post(&revocation(foreign), &why)
        .await
        .problem(404, "not-found");
    admin
        .post(&revocation(key), &json!({"reason": "boredom"}))
        .await
        .problem(422, "invalid-request");
    let view = admin.post(&revocation(key), &why).await.expect(200);
    assert_eq!(
        (&view["state"], &view["emergency"]),
        (&json!("revoked"), &json!("compromised"))
    );
    assert_eq!(view["signs"], json!(false));
    admin
        .post(&revocation(key), &why)
        .await
        .problem(409, "not-in-this-state");

    // Here at once, on the other node when it looks, which is each second.
    assert!(distrusted(&app, &driver).await);
    assert!(other.refresh_trust(app.clock.now()).await.unwrap());
    assert_eq!(state(&other, key), "revoked");
    let session = json!({"kind": "staff", "login": "police", "password": PASSWORD});
    other_client.post("/sessions", &session).await.done();
    let code = crate::steps::numeric_code(&driver).await;
    let facts = other_client
        .post("/verifications", &crate::steps::check(&code))
        .await
        .done();
    assert_eq!(codes(&facts["authentic"]["reasons"]), ["key-distrusted"]);
}

async fn sc_64_issue_goes_on_after_a_rotation(app: App) {
    let [admin, ..] = administrators(&app).await;
    let driver = driver_with_licence(&app, BEIJING).await;
    let key = signing_key(&app);
    let why = json!({"reason": "misused"});
    admin.post(&revocation(key), &why).await.expect(200);

    // Nothing is issued by it, and an operator is told what is left to do.
    deliver(&app, &[record(CHENGDU)]).await;
    let application = apply(&app, CHENGDU).await;
    let approve = json!({"decision": "approve"});
    let refused = decide(&app, "5101", &application, &approve).await;
    refused.problem(503, "no-key-may-sign");
    assert_eq!(served_list(&app).await.list().version, 1);
    let ready = app.client().get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert!(ready.text().contains("emergency") && ready.text().contains("nothing is issued"));
    let metrics = app.client().get("/metrics").await.text();
    assert!(
        metrics.contains("jiazhao_emergency_revocations_unsigned 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("jiazhao_suites_without_signing_key 1"),
        "{metrics}"
    );

    // A rotation lets issue go on, and the holder's next contact makes the licence good again.
    app.clock.advance(SignedDuration::from_secs(60));
    changed(&app, &ROTATE).await;
    assert_eq!(
        app.authority.finish_approved(&mut app.act()).await.unwrap(),
        1
    );
    assert!(!distrusted(&app, &driver).await);
    assert_eq!(
        brought(&app, &TrustChange::Revoke(key)).await,
        Submitted::Activated
    );
    assert_eq!(app.client().get("/readyz").await.text(), "ready\n");
    // A restart changes nothing.
    let app = app.restarted().await;
    assert_eq!(state(&app.authority, key), "revoked");
}

async fn sc_64_two_lift_an_emergency_revocation(app: App) {
    let [admin, second, third] = administrators(&app).await;
    let driver = driver_with_licence(&app, BEIJING).await;
    let key = signing_key(&app);
    admin
        .post(&restoration(key), &json!({}))
        .await
        .problem(404, "not-found");
    let why = json!({"reason": "suspected"});
    admin.post(&revocation(key), &why).await.expect(200);
    let police = app.staff("police").await;
    police
        .post(&restoration(key), &json!({}))
        .await
        .problem(403, "not-your-role");
    second.post(&restoration(key), &json!({})).await.expect(202);
    second
        .post(&restoration(key), &json!({}))
        .await
        .problem(403, "second-administrator-needed");
    assert!(distrusted(&app, &driver).await);
    // A wish counts while whoever had it is an administrator: the next one is then the first.
    let staff = admin.get("/admin/staff").await.expect(200);
    let staff = staff.as_array().unwrap();
    let id = staff.iter().find(|one| one["login"] == "second").unwrap()["id"].clone();
    let body = json!({"roles": ["police"], "office": null, "disabled": false});
    admin
        .put(&format!("/admin/staff/{}", id.as_str().unwrap()), &body)
        .await
        .expect(200);
    third.post(&restoration(key), &json!({})).await.expect(202);
    assert!(distrusted(&app, &driver).await);
    let view = admin.post(&restoration(key), &json!({})).await.expect(200);
    assert_eq!(
        (&view["state"], &view["signs"]),
        (&json!("active"), &json!(true))
    );
    assert!(view.get("emergency").is_none());
    assert!(!distrusted(&app, &driver).await);
    admin
        .post(&restoration(key), &json!({}))
        .await
        .problem(404, "not-found");
}

async fn a_revocation_of_a_list_is_undone_by_two_others(app: App) {
    let [admin, second, third] = administrators(&app).await;
    let driver = driver_with_licence(&app, BEIJING).await;
    let key = signing_key(&app);
    let refused = app
        .authority
        .propose_trust(&mut app.act(), &TrustChange::Restore(key))
        .await;
    assert_eq!(refused.unwrap_err().code(), "not-in-this-state");
    admin
        .post(&revocation(key), &json!({"reason": "lost"}))
        .await
        .expect(200);
    assert_eq!(
        brought(&app, &TrustChange::Revoke(key)).await,
        Submitted::Activated
    );
    assert!(distrusted(&app, &driver).await);
    // It is the list's now, which two do not lift by a click.
    second
        .post(&restoration(key), &json!({}))
        .await
        .problem(404, "not-found");
    let path = proposed(&app, &TrustChange::Restore(key), 2).await;
    let activation = format!("{path}/activation");
    let first = second.post(&activation, &json!({})).await.expect(202);
    assert_eq!(first["state"], "open");
    for same in [&admin, &second] {
        same.post(&activation, &json!({}))
            .await
            .problem(403, "second-administrator-needed");
    }
    assert!(distrusted(&app, &driver).await);
    third.post(&activation, &json!({})).await.expect(200);
    assert!(!distrusted(&app, &driver).await);
    // What it signed is good again; a key that was suspected once signs nothing new.
    let keys = app.authority.keys(app.clock.now()).unwrap();
    let view = keys
        .iter()
        .find(|view| view.key_id == key.to_string())
        .unwrap();
    assert_eq!((view.state.as_str(), view.signs), ("retired", false));
}

async fn an_online_key_is_revoked_too(app: App) {
    let [admin, ..] = administrators(&app).await;
    let driver = driver_with_licence(&app, BEIJING).await;
    app.authority
        .checkpoint(&app.act(), "node-a")
        .await
        .unwrap();
    let keys = app.authority.keys(app.clock.now()).unwrap();
    for key in keys.iter().filter(|key| key.key_use == "online") {
        let why = json!({"reason": "compromised"});
        let path = format!("/admin/keys/{}/revocation", key.key_id);
        admin.post(&path, &why).await.expect(200);
    }
    // Licences go on. The audit's newest checkpoint is by a key that is trusted no more, until the
    // next one.
    assert!(!distrusted(&app, &driver).await);
    let check = authority::AuditCheck::default();
    let found = app
        .authority
        .verify_audit(&check)
        .await
        .unwrap()
        .first
        .unwrap();
    assert_eq!(found.what, authority::AuditFault::CheckpointSignature);
    app.clock.advance(SignedDuration::from_secs(60));
    app.authority
        .checkpoint(&app.act(), "node-a")
        .await
        .unwrap();
    assert_eq!(
        app.authority.verify_audit(&check).await.unwrap().first,
        None
    );
}

/// Whoever fetches after the revocation gets no list by the key: those of its suite are withdrawn, the
/// others signed anew, with the period still running.
async fn sc_64_lists_by_a_revoked_key_are_replaced_before_their_period(app: App) {
    let [admin, ..] = administrators(&app).await;
    driver_with_licence(&app, BEIJING).await;
    app.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(publish(&app, "one").await, 1);
    let client = app.client();
    let list = async |suite: &str| {
        let path = format!("/status-lists/0?suite={suite}");
        fetch(&client, &path, &[("accept", CWT)]).await
    };
    let key = async |suite: &str| {
        let answer = list(suite).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        *UnverifiedStatusList::parse(&answer.body).unwrap().key_id()
    };
    let (revoked, stays) = (key("SM2-SM3").await, key("ES256").await);
    app.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(publish(&app, "one").await, 0);

    let why = json!({"reason": "compromised"});
    admin.post(&revocation(revoked), &why).await.expect(200);
    assert_eq!(publish(&app, "one").await, 1);
    list("SM2-SM3").await.problem(404, "not-found");
    assert_eq!(key("ES256").await, stays);
    // Who names no suite gets what there is.
    let any = fetch(&client, "/status-lists/0", &[("accept", CWT)]).await;
    assert_eq!(
        *UnverifiedStatusList::parse(&any.body).unwrap().key_id(),
        stays
    );
    app.clock.advance(SignedDuration::from_secs(2));
    publish(&app, "one").await;
    app.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(publish(&app, "one").await, 0);

    // A new key signs in its place, once it is old enough for lists.
    app.clock.advance(SignedDuration::from_secs(60));
    changed(&app, &ROTATE).await;
    app.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(publish(&app, "one").await, 1);
    let next = key("SM2-SM3").await;
    assert_ne!(next, revoked);
}
