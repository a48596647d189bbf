//! Accounts of staff: the second factor, and sessions that end.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testkit::{
    app::{App, PASSWORD},
    client::{Answer, Client},
};

super::on_both_engines!(
    a_new_member_sets_up_the_second_factor_and_reaches_nothing_else_before,
    a_code_works_once_and_within_a_step_of_the_clock,
    wrong_codes_with_the_right_password_close_the_factor_for_a_while,
    nobody_shuts_an_officer_out_without_the_password,
    a_recovery_code_works_once_and_new_ones_replace_the_old,
    a_session_of_staff_ends_by_idleness_and_by_time,
    a_session_of_staff_ends_with_what_the_member_may_do,
    a_new_password_ends_every_session,
    an_officers_factor_is_reset_by_one_administrator,
    an_administrators_factor_is_reset_by_two,
    a_supplied_token_is_never_adopted,
    of_two_sign_ins_with_one_code_one_has_it,
    the_operator_resets_the_last_administrators_factor,
    another_sites_page_does_nothing_to_accounts_of_staff,
);

const STEP: SignedDuration = SignedDuration::from_secs(30);

/// An authenticator app: its codes are computed by OpenSSL, not by the code under test.
struct Authenticator(Vec<u8>);

impl Authenticator {
    fn of(secret: &str) -> Self {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let (mut held, mut bits, mut bytes) = (0_u32, 0, Vec::new());
        for letter in secret.chars() {
            held = (held << 5) | u32::try_from(letters.find(letter).unwrap()).unwrap();
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from((held >> bits) & 255).unwrap());
            }
        }
        Self(bytes)
    }

    fn code(&self, at: Timestamp) -> String {
        let step = u64::try_from(at.as_second()).unwrap() / 30;
        let mut child = Command::new("openssl")
            .args(["dgst", "-sha1", "-binary", "-mac", "hmac", "-macopt"])
            .arg(format!("hexkey:{}", hex::encode(&self.0)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(&step.to_be_bytes()).unwrap();
        drop(input);
        let tag = child.wait_with_output().unwrap().stdout;
        let offset = usize::from(tag[19] & 15);
        let four: [u8; 4] = tag[offset..offset + 4].try_into().unwrap();
        let number = u32::from_be_bytes(four) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

/// A member with a second factor.
struct Member {
    login: String,
    app: Authenticator,
    recovery: Vec<String>,
}

async fn sign_in(client: &Client, login: &str, password: &str, factor: Option<&str>) -> Answer {
    let body =
        json!({"kind": "staff", "login": login, "password": password, "second_factor": factor});
    client.post("/sessions", &body).await
}

/// Sets up the second factor of somebody who has none; the client is signed in then.
async fn enrol(app: &App, client: &Client, login: &str) -> Member {
    let session = sign_in(client, login, PASSWORD, None).await.expect(201);
    assert_eq!(session["second_factor"], "to-enrol");
    let secret = client.post("/staff/factor", &json!({})).await.expect(201);
    let authenticator = Authenticator::of(secret["secret"].as_str().unwrap());
    let code = json!({"code": authenticator.code(app.clock.now())});
    let confirmed = client
        .post("/staff/factor/confirmation", &code)
        .await
        .expect(201);
    let recovery = confirmed["recovery_codes"].as_array().unwrap();
    app.clock.advance(STEP);
    Member {
        login: login.to_owned(),
        app: authenticator,
        recovery: recovery
            .iter()
            .map(|code| code.as_str().unwrap().to_owned())
            .collect(),
    }
}

impl Member {
    /// Signs in with the code of the present step, and lets that pass.
    async fn sign_in(&self, app: &App) -> Client {
        let client = app.client();
        let code = self.app.code(app.clock.now());
        let session = sign_in(&client, &self.login, PASSWORD, Some(&code)).await;
        assert_eq!(session.expect(201)["second_factor"], "active");
        app.clock.advance(STEP);
        client
    }
}

/// Whether the client's session is good for what staff of these roles do.
async fn is_in(client: &Client) -> bool {
    let answer = client.get("/review/queue").await;
    match answer.status {
        200 => true,
        403 => {
            answer.problem(403, "not-your-role");
            true
        }
        _ => {
            answer.problem(401, "sign-in-required");
            false
        }
    }
}

async fn id_of(admin: &Client, login: &str) -> String {
    let all = admin.get("/admin/staff").await.expect(200);
    let mut all = all.as_array().unwrap().iter();
    let member = all.find(|member| member["login"] == login).unwrap();
    member["id"].as_str().unwrap().to_owned()
}

/// How often the audit names an act.
async fn audited(app: &App, act: &str) -> usize {
    let store = app.authority.store();
    let rows = store
        .audit_after(storage::Partition::SYSTEM, 0, 10_000)
        .await;
    rows.unwrap().iter().filter(|row| row.act == act).count()
}

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
