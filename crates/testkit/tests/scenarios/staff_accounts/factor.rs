//! The second factor: set up, given, guessed at, lost.

use super::*;

crate::on_both_engines!(
    a_new_member_sets_up_the_second_factor_and_reaches_nothing_else_before,
    a_code_works_once_and_within_a_step_of_the_clock,
    wrong_codes_with_the_right_password_close_the_factor_for_a_while,
    nobody_shuts_an_officer_out_without_the_password,
    a_recovery_code_works_once_and_new_ones_replace_the_old,
    of_two_sign_ins_with_one_code_one_has_it,
);

async fn a_new_member_sets_up_the_second_factor_and_reaches_nothing_else_before(app: App) {
    let app = app.with_second_factor().await;
    let client = app.client();
    let session = sign_in(&client, "admin", PASSWORD, None).await.expect(201);
    assert_eq!(session["roles"], json!([]));
    let document: Value = serde_json::from_str(&service::openapi().to_json().unwrap()).unwrap();
    let mut refused = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let own =
                path.starts_with("/api/v1/staff/factor") || path == "/api/v1/sessions/current";
            if operation.get("security").is_some() || own {
                continue;
            }
            let method = method.to_uppercase().parse().unwrap();
            let request = client
                .request(method, &path.replace("{id}", "x"))
                .header("content-type", "application/json");
            let answer = client.send(request, "{".into()).await;
            assert_eq!(answer.status, 403, "{path}: {}", answer.text());
            answer.problem(403, "second-factor-missing");
            refused += 1;
        }
    }
    assert!(refused > 25, "{refused}");
    // A secret that was begun anew counts, the one before does not.
    let first = client.post("/staff/factor", &json!({})).await.expect(201);
    app.clock.advance(SignedDuration::from_secs(1));
    let second = client.post("/staff/factor", &json!({})).await.expect(201);
    assert_ne!(first["secret"], second["secret"]);
    assert!(second["qr_svg"].as_str().unwrap().starts_with("<svg"));
    let uri = second["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(second["secret"].as_str().unwrap()));
    let confirm = async |factor: &Value| {
        let app_of = Authenticator::of(factor["secret"].as_str().unwrap());
        let code = json!({"code": app_of.code(app.clock.now())});
        client.post("/staff/factor/confirmation", &code).await
    };
    confirm(&first).await.problem(403, "proof-refused");
    let done = confirm(&second).await.expect(201);
    assert_eq!(done["session"]["roles"], json!(["admin"]));
    assert_eq!(done["recovery_codes"].as_array().unwrap().len(), 10);
    // The session that goes on is a new one; the one of the enrolment is over.
    client.get("/admin/offices").await.expect(200);
    client
        .post("/staff/factor", &json!({}))
        .await
        .problem(409, "not-in-this-state");
    assert_eq!(audited(&app, "staff.factor-confirmed").await, 1);
}

async fn a_code_works_once_and_within_a_step_of_the_clock(app: App) {
    let app = app.with_second_factor().await;
    let member = enrol(&app, &app.client(), "reviewer-1101").await;
    app.clock.advance(SignedDuration::from_mins(5));
    let now = app.clock.now();
    let at = |steps: i32| member.app.code(now + STEP * steps);
    let try_code = async |code: &str| {
        let client = app.client();
        sign_in(&client, "reviewer-1101", PASSWORD, Some(code))
            .await
            .status
    };
    assert_eq!(try_code(&at(-2)).await, 401);
    assert_eq!(try_code(&at(2)).await, 401);
    assert_eq!(try_code(&at(-1)).await, 201);
    assert_eq!(try_code(&at(-1)).await, 401, "replayed");
    assert_eq!(try_code(&at(1)).await, 201);
    // What lies before the newest step that was used is used up with it.
    assert_eq!(try_code(&at(0)).await, 401);
    app.clock.advance(STEP * 2);
    assert_eq!(try_code(&at(2)).await, 201);
    // Without a factor, or with another form, the answer is the same.
    for factor in [None, Some(""), Some("12345"), Some("not a code at all")] {
        let client = app.client();
        let answer = sign_in(&client, "reviewer-1101", PASSWORD, factor).await;
        answer.problem(401, "wrong-login");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}

async fn wrong_codes_with_the_right_password_close_the_factor_for_a_while(app: App) {
    let app = app.with_second_factor().await;
    let member = enrol(&app, &app.client(), "police").await;
    app.clock.advance(SignedDuration::from_mins(5));
    let guess = async |factor: &str| {
        // Each from another source: what counts here is the account.
        let client = app.client();
        sign_in(&client, "police", PASSWORD, Some(factor)).await
    };
    let wrong = member.app.code(app.clock.now() + STEP * 40);
    for _ in 0..5 {
        guess(&wrong).await.problem(401, "wrong-login");
    }
    let right = member.app.code(app.clock.now());
    guess(&right).await.problem(401, "wrong-login");
    app.clock.advance(SignedDuration::from_mins(14));
    guess(&member.app.code(app.clock.now()))
        .await
        .problem(401, "wrong-login");
    // After the wait one try counts, and a wrong one closes it again.
    app.clock.advance(SignedDuration::from_mins(1));
    guess(&wrong).await.problem(401, "wrong-login");
    guess(&member.app.code(app.clock.now()))
        .await
        .problem(401, "wrong-login");
    // A recovery code opens it at once.
    guess(&member.recovery[0]).await.expect(201);
    guess(&member.app.code(app.clock.now())).await.expect(201);
}

async fn nobody_shuts_an_officer_out_without_the_password(app: App) {
    let app = app.with_second_factor().await;
    let member = enrol(&app, &app.client(), "police").await;
    let stranger = app.client();
    let mut limited = 0;
    for _ in 0..8 {
        let code = Some("000000");
        let answer = sign_in(&stranger, "police", "not the password", code).await;
        if answer.status == 429 {
            limited += 1;
        } else {
            answer.problem(401, "wrong-login");
        }
    }
    // By account and source it is slowed before the source alone is.
    assert_eq!(limited, 3);
    for _ in 0..20 {
        let elsewhere = app.client();
        let answer = sign_in(&elsewhere, "police", "not the password", Some("000000")).await;
        answer.problem(401, "wrong-login");
    }
    member.sign_in(&app).await;
}

async fn a_recovery_code_works_once_and_new_ones_replace_the_old(app: App) {
    let app = app.with_second_factor().await;
    let officer = app.client();
    let member = enrol(&app, &officer, "reviewer-1101").await;
    let typed = member.recovery[3].to_uppercase().replace('-', " ");
    let client = app.client();
    let session = sign_in(&client, "reviewer-1101", PASSWORD, Some(&typed)).await;
    assert_eq!(session.expect(201)["recovery_codes_left"], 9);
    let again = sign_in(&app.client(), "reviewer-1101", PASSWORD, Some(&typed)).await;
    again.problem(401, "wrong-login");
    let another = member.recovery[4].as_str();
    let session = sign_in(&app.client(), "reviewer-1101", PASSWORD, Some(another)).await;
    assert_eq!(session.expect(201)["recovery_codes_left"], 8);
    // Another member's code is none.
    let other = enrol(&app, &app.client(), "police").await;
    let foreign = other.recovery[0].as_str();
    sign_in(&app.client(), "reviewer-1101", PASSWORD, Some(foreign))
        .await
        .problem(401, "wrong-login");

    let renew = async |password: &str, factor: &str| {
        let body = json!({"password": password, "second_factor": factor});
        officer.post("/staff/recovery-codes", &body).await
    };
    let code = member.app.code(app.clock.now());
    renew("not the password", &code)
        .await
        .problem(403, "proof-refused");
    renew(PASSWORD, "999999")
        .await
        .problem(403, "proof-refused");
    let new = renew(PASSWORD, &code).await.expect(201);
    let old = member.recovery[5].as_str();
    sign_in(&app.client(), "reviewer-1101", PASSWORD, Some(old))
        .await
        .problem(401, "wrong-login");
    let new = new["recovery_codes"][0].as_str();
    let session = sign_in(&app.client(), "reviewer-1101", PASSWORD, new).await;
    assert_eq!(session.expect(201)["recovery_codes_left"], 9);
}

async fn of_two_sign_ins_with_one_code_one_has_it(app: App) {
    let app = app.with_second_factor().await;
    let member = enrol(&app, &app.client(), "police").await;
    let code = member.app.code(app.clock.now());
    let (one, two) = (app.client(), app.client());
    let (a, b) = tokio::join!(
        sign_in(&one, "police", PASSWORD, Some(&code)),
        sign_in(&two, "police", PASSWORD, Some(&code)),
    );
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401]);
}
