//! Who may not, and what is not: each refusal with its own code, and audited.

use serde_json::{Value, json};
use testkit::{
    app::App,
    people::{BEIJING, CHENGDU, record},
};

use super::{decided, proposal, proposed, sanctioned};
use crate::{
    on_both_engines,
    steps::{apply, deliver, driver_with_licence, issue},
};

on_both_engines!(
    sc_35_one_officer_alone_sanctions_and_lifts_nobody,
    sc_31_officers_of_other_offices_and_other_roles_are_refused,
    r76_grounds_evidence_and_statement_are_asked_for,
    r75_a_driver_has_one_sanction_at_a_time,
    sc_20_a_driver_sees_and_appeals_only_their_own,
    a_proposal_sent_twice_is_made_once,
    sc_33_a_reviewer_proposes_from_a_case_and_the_second_sees_its_photo,
);

async fn sc_35_one_officer_alone_sanctions_and_lifts_nobody(app: App) {
    issue(&app, BEIJING).await;
    let id = proposed(&app, BEIJING).await;
    let path = format!("/admin/sanctions/{id}");
    let (one, two) = (
        app.staff("reviewer-1101").await,
        app.staff("both-1101").await,
    );
    for decision in ["confirm", "decline"] {
        let refused = decided(&one, &format!("{path}/decision"), decision).await;
        refused.problem(403, "same-officer");
    }
    decided(&two, &format!("{path}/decision"), "confirm")
        .await
        .done();
    let why = json!({"statement": "复核"});
    one.post(&format!("{path}/lift"), &why).await.done();
    let lift = format!("{path}/lift/decision");
    for decision in ["confirm", "decline"] {
        decided(&one, &lift, decision)
            .await
            .problem(403, "same-officer");
        decided(&two, &lift, decision)
            .await
            .problem(403, "own-decision");
    }
    // Each of them stands in the audit.
    let store = app.authority.store();
    let san = storage::SanctionId::parse(&id).unwrap();
    let rows = store.audit_after(san.partition(), 0, 1000).await.unwrap();
    let refusals = rows.iter().filter(|row| row.detail.contains("\"refused\""));
    let acts: Vec<_> = refusals.map(|row| row.act.as_str()).collect();
    assert_eq!(
        acts,
        [
            "sanction.confirmed",
            "sanction.declined",
            "sanction.lifted",
            "sanction.lifted",
            "sanction.lift-declined",
            "sanction.lift-declined",
        ]
    );
}

async fn sc_31_officers_of_other_offices_and_other_roles_are_refused(app: App) {
    issue(&app, BEIJING).await;
    let id = proposed(&app, BEIJING).await;
    let path = format!("/admin/sanctions/{id}");
    let elsewhere = app.staff("reviewer-5101").await;
    elsewhere
        .get(&path)
        .await
        .problem(403, "office-out-of-scope");
    let refused = decided(&elsewhere, &format!("{path}/decision"), "confirm").await;
    refused.problem(403, "office-out-of-scope");
    let refused = elsewhere.post("/admin/sanctions", &proposal(BEIJING)).await;
    refused.problem(403, "office-out-of-scope");
    assert_eq!(elsewhere.get("/admin/sanctions").await.done(), json!([]));

    // The counter proposes and reads, and does not decide.
    let counter = app.staff("counter-1101").await;
    counter.get(&path).await.done();
    let refused = decided(&counter, &format!("{path}/decision"), "confirm").await;
    refused.problem(403, "not-your-role");
    let police = app.staff("police").await;
    police.get(&path).await.problem(403, "not-your-role");
    let admin = app.staff("admin").await;
    admin
        .get("/admin/sanctions")
        .await
        .problem(403, "not-your-role");
    app.client()
        .get(&path)
        .await
        .problem(401, "sign-in-required");
    let nothing = format!(
        "/admin/sanctions/san_{}",
        &id[4..].replace(&id[10..12], "zz")
    );
    counter.get(&nothing).await.problem(404, "not-found");
}

async fn r76_grounds_evidence_and_statement_are_asked_for(app: App) {
    issue(&app, BEIJING).await;
    issue(&app, CHENGDU).await;
    let officer = app.staff("reviewer-1101").await;
    let elsewhere = app.staff("reviewer-5101").await;
    let others = elsewhere
        .post("/admin/sanctions", &proposal(CHENGDU))
        .await
        .expect(201);
    let others = others["evidence"].clone();
    let changed = |name: &str, value: Value| {
        let mut request = proposal(BEIJING);
        request[name] = value;
        request
    };
    let photo = |id: &str| json!([{"kind": "photo", "id": id}]);
    let many: Vec<Value> = (0..17)
        .map(|n| json!({"kind": "photo", "id": n.to_string()}))
        .collect();
    for (request, reason) in [
        (changed("grounds", json!([])), "grounds-required"),
        (changed("grounds", json!(["R73"])), "invalid-grounds"),
        (changed("statement", json!("  ")), "invalid-statement"),
        (changed("evidence", others), "invalid-evidence"),
        (changed("evidence", photo("pho_1")), "invalid-evidence"),
        (changed("evidence", json!(many)), "too-much-evidence"),
    ] {
        let refused = officer.post("/admin/sanctions", &request).await;
        assert_eq!(refused.problem(422, "invalid-sanction"), [reason]);
    }
    let unknown = changed("anything", json!(1));
    officer
        .post("/admin/sanctions", &unknown)
        .await
        .problem(422, "invalid-request");
    let nobody = changed("licence_number", json!("110199199001010000"));
    let refused = officer.post("/admin/sanctions", &nobody).await;
    assert!([404, 422].contains(&refused.status), "{}", refused.text());
}

async fn r75_a_driver_has_one_sanction_at_a_time(app: App) {
    issue(&app, BEIJING).await;
    let id = proposed(&app, BEIJING).await;
    let officer = app.staff("both-1101").await;
    let again = officer.post("/admin/sanctions", &proposal(BEIJING)).await;
    assert_eq!(again.problem(409, "open-sanction"), [id.as_str()]);
    let path = format!("/admin/sanctions/{id}/decision");
    let empty = officer.post(&path, &json!({"decision": "decline"})).await;
    assert_eq!(
        empty.problem(422, "invalid-sanction"),
        ["invalid-statement"]
    );
    let declined = decided(&officer, &path, "decline").await.done();
    assert_eq!(declined["sanction"]["stage"], "declined");
    let decided_again = decided(&officer, &path, "confirm").await;
    decided_again.problem(409, "not-in-this-state");
    officer
        .post("/admin/sanctions", &proposal(BEIJING))
        .await
        .expect(201);
    let all = officer.get("/admin/sanctions?all=true").await.done();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(
        officer
            .get("/admin/sanctions")
            .await
            .done()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

async fn sc_20_a_driver_sees_and_appeals_only_their_own(app: App) {
    issue(&app, BEIJING).await;
    let stranger = driver_with_licence(&app, CHENGDU).await;
    let id = sanctioned(&app, BEIJING).await;
    assert_eq!(stranger.get("/holder/sanctions").await.done(), json!([]));
    let appeal = json!({"statement": "不是我"});
    let path = format!("/holder/sanctions/{id}/appeal");
    stranger
        .post(&path, &appeal)
        .await
        .problem(404, "not-found");
    stranger
        .post("/holder/sanctions/san_1/appeal", &appeal)
        .await
        .problem(404, "not-found");
    // One that is only proposed is none to the driver.
    let proposed = proposed(&app, CHENGDU).await;
    let path = format!("/holder/sanctions/{proposed}/appeal");
    stranger
        .post(&path, &appeal)
        .await
        .problem(404, "not-found");
    let officer = app.staff("reviewer-1101").await;
    officer
        .get("/holder/sanctions")
        .await
        .problem(403, "not-your-role");
}

async fn a_proposal_sent_twice_is_made_once(app: App) {
    issue(&app, BEIJING).await;
    let officer = app.staff("reviewer-1101").await;
    let request = proposal(BEIJING);
    let first = officer
        .post_once("/admin/sanctions", &request, "k1")
        .await
        .expect(201);
    let again = officer
        .post_once("/admin/sanctions", &request, "k1")
        .await
        .expect(201);
    assert_eq!(first["sanction"]["id"], again["sanction"]["id"]);
    assert_eq!(again["steps"].as_array().unwrap().len(), 1);
    let mut other = request;
    other["grounds"] = json!(["impersonation"]);
    let refused = officer.post_once("/admin/sanctions", &other, "k1").await;
    refused.problem(409, "idempotency-key-reused");
}

async fn sc_33_a_reviewer_proposes_from_a_case_and_the_second_sees_its_photo(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let application = apply(&app, BEIJING).await;
    let path = format!("/review/applications/{application}/sanction");
    let request = json!({"grounds": ["processed-face"], "statement": "面部经过技术处理"});
    let elsewhere = app.staff("reviewer-5101").await;
    elsewhere
        .post(&path, &request)
        .await
        .problem(403, "office-out-of-scope");
    let counter = app.staff("counter-1101").await;
    counter
        .post(&path, &request)
        .await
        .problem(403, "not-your-role");
    let reviewer = app.staff("reviewer-1101").await;
    let made = reviewer.post(&path, &request).await.expect(201);
    let kinds: Vec<_> = made["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(kinds, ["application", "photo"]);
    let photo = made["evidence"][1]["id"].as_str().unwrap();
    let id = made["sanction"]["id"].as_str().unwrap();
    let second = app.staff("both-1101").await;
    let file = second
        .get(&format!("/admin/sanctions/{id}/photos/{photo}"))
        .await;
    assert_eq!(file.body, testkit::people::photo(40));
    let other = format!("/admin/sanctions/{id}/photos/pho_{}", &id[4..]);
    second.get(&other).await.problem(404, "not-found");
}
