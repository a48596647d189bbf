//! Sessions that end, and that nobody plants or rides on.

use super::*;

crate::on_both_engines!(
    a_session_of_staff_ends_by_idleness_and_by_time,
    a_session_of_staff_ends_with_what_the_member_may_do,
    a_new_password_ends_every_session,
    a_supplied_token_is_never_adopted,
    another_sites_page_does_nothing_to_accounts_of_staff,
);

async fn a_session_of_staff_ends_by_idleness_and_by_time(app: App) {
    let idle = app.staff("reviewer-1101").await;
    let busy = app.staff("reviewer-1101").await;
    for _ in 0..2 {
        app.clock.advance(SignedDuration::from_mins(15));
        assert!(is_in(&busy).await);
    }
    assert!(!is_in(&idle).await, "30 minutes idle");
    app.clock.advance(SignedDuration::from_secs(29 * 60 + 59));
    assert!(is_in(&busy).await);
    // Used all the time, it ends all the same after eight hours.
    let begun = app.clock.now() - SignedDuration::from_secs(59 * 60 + 59);
    while app.clock.now().duration_since(begun) < SignedDuration::from_mins(480 - 10) {
        app.clock.advance(SignedDuration::from_mins(10));
        assert!(is_in(&busy).await);
    }
    app.clock.set(begun + SignedDuration::from_hours(8));
    assert!(!is_in(&busy).await);
}

async fn a_session_of_staff_ends_with_what_the_member_may_do(app: App) {
    let admin = app.staff("admin").await;
    let id = id_of(&admin, "reviewer-1101").await;
    let path = format!("/admin/staff/{id}");
    let change = async |roles: Value, office: &str, disabled: bool| {
        let body = json!({"roles": roles, "office": office, "disabled": disabled});
        admin.put(&path, &body).await.expect(200)
    };
    let office = "office-1101";
    for (roles, office, disabled) in [
        (json!(["reviewer", "counter"]), office, false),
        (json!(["reviewer"]), "office-5101", false),
        (json!(["reviewer"]), office, true),
    ] {
        let officer = app.staff("reviewer-1101").await;
        assert!(is_in(&officer).await);
        change(roles, office, disabled).await;
        assert!(!is_in(&officer).await);
        // Neither does letting them in again bring the session back.
        change(json!(["reviewer"]), office, false).await;
        assert!(!is_in(&officer).await);
    }
    change(json!(["reviewer"]), office, true).await;
    sign_in(&app.client(), "reviewer-1101", PASSWORD, None)
        .await
        .problem(401, "wrong-login");
    change(json!(["reviewer"]), office, false).await;

    let (one, two) = (
        app.staff("reviewer-1101").await,
        app.staff("reviewer-1101").await,
    );
    let ended = admin.delete(&format!("{path}/sessions")).await.expect(200);
    assert_eq!(ended["ended"], 2);
    assert!(!is_in(&one).await && !is_in(&two).await);
    let out = app.staff("reviewer-1101").await;
    out.delete("/sessions/current").await.expect(204);
    assert!(!is_in(&out).await);

    // Nobody does it to themselves, without the role, or to nobody.
    let own = id_of(&admin, "admin").await;
    let body = json!({"roles": ["admin"], "office": null, "disabled": true});
    admin
        .put(&format!("/admin/staff/{own}"), &body)
        .await
        .problem(403, "own-account");
    let officer = app.staff("reviewer-1101").await;
    for path in [path.as_str(), "/admin/staff/x"] {
        officer.put(path, &body).await.problem(403, "not-your-role");
    }
    admin
        .put("/admin/staff/x", &body)
        .await
        .problem(404, "not-found");
    let unknown = json!({"roles": ["king"], "office": null, "disabled": false});
    admin
        .put(&path, &unknown)
        .await
        .problem(422, "invalid-request");
}

async fn a_new_password_ends_every_session(app: App) {
    let app = app.with_second_factor().await;
    let first = app.client();
    let member = enrol(&app, &first, "reviewer-1101").await;
    let second = member.sign_in(&app).await;
    let change = async |password: &str, factor: &str, new: &str| {
        let body = json!({"password": password, "second_factor": factor, "new_password": new});
        second.post("/staff/password", &body).await
    };
    let code = member.app.code(app.clock.now());
    let new = "another horse, another battery";
    change(PASSWORD, &code, "short")
        .await
        .problem(422, "weak-password");
    change("wrong password", &code, new)
        .await
        .problem(403, "proof-refused");
    change(PASSWORD, "", new)
        .await
        .problem(403, "proof-refused");
    assert!(is_in(&first).await);
    change(PASSWORD, &code, new).await.expect(204);
    assert!(!is_in(&first).await && !is_in(&second).await);
    app.clock.advance(STEP);
    let code = member.app.code(app.clock.now());
    sign_in(&app.client(), "reviewer-1101", PASSWORD, Some(&code))
        .await
        .problem(401, "wrong-login");
    sign_in(&app.client(), "reviewer-1101", new, Some(&code))
        .await
        .expect(201);
    // Within a session passwords are not guessed without end either.
    let thief = app.client();
    app.clock.advance(STEP);
    let code = member.app.code(app.clock.now());
    sign_in(&thief, "reviewer-1101", new, Some(&code))
        .await
        .expect(201);
    let body = json!({"password": "a guess of a password", "new_password": PASSWORD});
    let mut last = 0;
    for _ in 0..8 {
        last = thief.post("/staff/password", &body).await.status;
    }
    assert_eq!(last, 429);
}

async fn a_supplied_token_is_never_adopted(app: App) {
    let client = app.client();
    // The form of a token of staff, chosen by somebody else.
    let chosen = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let request = client
        .request("POST".parse().unwrap(), "/sessions")
        .header("cookie", format!("jz_session={chosen}"))
        .header("content-type", "application/json");
    let body = json!({"kind": "staff", "login": "admin", "password": PASSWORD});
    let answer = client.send(request, body.to_string().into()).await;
    answer.expect(201);
    let first = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(!first.contains(chosen));
    let planted = app.client();
    let request = planted
        .request("GET".parse().unwrap(), "/admin/offices")
        .header("cookie", format!("jz_session={chosen}"));
    planted
        .send(request, axum_body())
        .await
        .problem(401, "sign-in-required");
    // Signing in again with a living session gives another token.
    let again = client.post("/sessions", &body).await;
    assert_ne!(again.headers["set-cookie"].to_str().unwrap(), first);
}

fn axum_body() -> axum::body::Body {
    axum::body::Body::empty()
}

async fn another_sites_page_does_nothing_to_accounts_of_staff(app: App) {
    let admin = app.staff("admin").await;
    let id = id_of(&admin, "reviewer-1101").await;
    for (method, path) in [
        ("POST", "/staff/factor".to_owned()),
        ("POST", "/staff/password".to_owned()),
        ("PUT", format!("/admin/staff/{id}")),
        ("DELETE", format!("/admin/staff/{id}/sessions")),
        ("POST", format!("/admin/staff/{id}/factor-reset")),
        ("POST", format!("/admin/staff/{id}/factor-reset/approval")),
    ] {
        let ask = async |origin: &str, kind: &str| {
            let request = admin
                .request(method.parse().unwrap(), &path)
                .header("origin", origin)
                .header("content-type", kind);
            admin.send(request, "{}".into()).await
        };
        ask("https://evil.example", "application/json")
            .await
            .problem(403, "cross-origin");
        ask("http://localhost:8080", "text/plain")
            .await
            .problem(415, "wrong-content-type");
    }
    assert!(is_in(&app.staff("reviewer-1101").await).await);
}
