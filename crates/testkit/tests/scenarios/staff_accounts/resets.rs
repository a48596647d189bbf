//! Administrators who reset a factor.

use super::*;

crate::on_both_engines!(
    an_officers_factor_is_reset_by_one_administrator,
    an_administrators_factor_is_reset_by_two,
    the_operator_resets_the_last_administrators_factor,
);

/// Three administrators with second factors.
async fn administrators(app: App) -> (App, [Client; 3], Vec<Member>) {
    let admin = app.staff("admin").await;
    for login in ["second", "third"] {
        let staff =
            json!({"login": login, "name": "演示员", "password": PASSWORD, "roles": ["admin"]});
        admin.post("/admin/staff", &staff).await.expect(201);
    }
    let app = app.with_second_factor().await;
    let clients = [app.client(), app.client(), app.client()];
    let mut members = Vec::new();
    for (client, login) in clients.iter().zip(["admin", "second", "third"]) {
        members.push(enrol(&app, client, login).await);
    }
    (app, clients, members)
}

async fn an_officers_factor_is_reset_by_one_administrator(app: App) {
    let (app, [admin, ..], _) = administrators(app).await;
    let officer = app.client();
    let member = enrol(&app, &officer, "reviewer-1101").await;
    let id = id_of(&admin, "reviewer-1101").await;
    let path = format!("/admin/staff/{id}/factor-reset");
    officer
        .post(&path, &json!({}))
        .await
        .problem(403, "not-your-role");
    let done = admin.post(&path, &json!({})).await.expect(200);
    assert_eq!(done["state"], "done");
    assert!(!is_in(&officer).await);
    // Neither the old app nor an old recovery code is left, and the password alone only enrols.
    for factor in [member.app.code(app.clock.now()), member.recovery[0].clone()] {
        let session = sign_in(&officer, "reviewer-1101", PASSWORD, Some(&factor)).await;
        assert_eq!(session.expect(201)["second_factor"], "to-enrol");
    }
    let new = enrol(&app, &officer, "reviewer-1101").await;
    let old = member.recovery[0].as_str();
    sign_in(&app.client(), "reviewer-1101", PASSWORD, Some(old))
        .await
        .problem(401, "wrong-login");
    new.sign_in(&app).await;
    assert_eq!(audited(&app, "staff.factor-reset").await, 1);
}

async fn an_administrators_factor_is_reset_by_two(app: App) {
    let (app, [admin, second, third], members) = administrators(app).await;
    let id = id_of(&admin, "third").await;
    let path = format!("/admin/staff/{id}/factor-reset");
    let approval = format!("{path}/approval");
    second
        .post(&approval, &json!({}))
        .await
        .problem(404, "not-found");
    let asked = admin.post(&path, &json!({})).await.expect(202);
    assert_eq!(asked["state"], "requested");
    assert!(is_in(&third).await);
    // Neither whoever asked for it nor the member approves.
    for same in [&admin, &third] {
        same.post(&approval, &json!({}))
            .await
            .problem(403, "second-administrator-needed");
    }
    second.post(&approval, &json!({})).await.expect(200);
    assert!(!is_in(&third).await);
    second
        .post(&approval, &json!({}))
        .await
        .problem(404, "not-found");
    enrol(&app, &third, "third").await;
    assert_eq!(audited(&app, "staff.factor-reset-requested").await, 1);

    // A wish lasts a day, and only while whoever asked is an administrator.
    admin.post(&path, &json!({})).await.expect(202);
    app.clock.advance(SignedDuration::from_hours(24));
    let second = members[1].sign_in(&app).await;
    second
        .post(&approval, &json!({}))
        .await
        .problem(404, "not-found");
    let admin = members[0].sign_in(&app).await;
    admin.post(&path, &json!({})).await.expect(202);
    let asked = id_of(&second, "admin").await;
    let body = json!({"roles": ["police"], "office": null, "disabled": false});
    second
        .put(&format!("/admin/staff/{asked}"), &body)
        .await
        .expect(200);
    second
        .post(&approval, &json!({}))
        .await
        .problem(404, "not-found");
}

async fn the_operator_resets_the_last_administrators_factor(app: App) {
    let app = app.with_second_factor().await;
    let admin = app.client();
    enrol(&app, &admin, "admin").await;
    let mut act = app.act();
    app.authority
        .reset_factor_by_operator(&mut act, "admin")
        .await
        .unwrap();
    assert!(!is_in(&admin).await);
    enrol(&app, &admin, "admin").await;
    act.actor = authority::Actor::Anonymous;
    let refused = app
        .authority
        .reset_factor_by_operator(&mut act, "admin")
        .await;
    assert_eq!(refused.unwrap_err().code(), "not-your-role");
}
