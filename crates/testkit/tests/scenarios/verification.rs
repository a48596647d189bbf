//! Verification by numeric code: separate facts.

use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::App,
    people::{BEIJING, CHENGDU, record, with},
};

use crate::{
    on_both_engines,
    steps::{check, codes, deliver, driver_with_licence, numeric_code, verified},
};

on_both_engines!(
    sc_40_police_get_separate_facts,
    sc_41_paper_is_asked_for_only_to_withhold_it,
    sc_42_each_bad_code_has_its_own_reason_and_none_says_revoked,
    sc_43_a_code_works_once_and_not_long,
    sc_46_a_licence_counts_alike_everywhere,
    a_race_for_one_code_has_one_winner,
    a_changed_credential_in_the_database_is_not_authentic,
    what_a_role_may_see_and_ask,
    the_holder_sees_who_looked,
    a_second_node_learns_within_a_second,
);

async fn sc_40_police_get_separate_facts(app: App) {
    let classes = with(record(BEIJING), json!({"classes": ["B2"]}));
    deliver(&app, &[classes]).await;
    let application = crate::steps::apply(&app, BEIJING).await;
    crate::steps::approve(&app, BEIJING, &application).await;
    let driver = crate::steps::activate(&app, BEIJING).await;
    let police = app.staff("police").await;
    let ask = async |class: &str| {
        let code = numeric_code(&driver).await;
        let request = json!({"code": code, "purpose": "enforcement", "class": class});
        police.post("/verifications", &request).await.done()
    };
    let facts = ask("C1").await;
    assert_eq!(facts["authentic"]["outcome"], "yes");
    assert_eq!(facts["authentic"]["suite"], "SM2-SM3");
    assert_eq!(facts["authentic"]["issuer"], "urn:jiazhao:test");
    assert_eq!(facts["fresh"]["outcome"], "yes");
    assert_eq!(facts["e_licence"]["stage"], "active");
    assert_eq!(facts["status"]["value"], "valid");
    assert_eq!(facts["status"]["shown"], "black");
    assert_eq!(facts["entitled"]["outcome"], "yes", "B2 covers C1");
    assert_eq!(facts["person"]["outcome"], "not-compared");
    assert_eq!(facts["paper"]["required"], false);
    assert_eq!(facts["licence"]["licence_number"], BEIJING);
    assert_eq!(facts["licence"]["points"], 3);
    let portrait = police
        .get(facts["person"]["portrait"].as_str().unwrap())
        .await;
    assert_eq!(portrait.body, testkit::people::photo(40));

    let facts = ask("A1").await;
    assert_eq!(facts["entitled"]["outcome"], "no");
    assert_eq!(codes(&facts["entitled"]["reasons"]), ["class-not-covered"]);
    // After the validity ends the class is held and still may not be driven.
    let code = numeric_code(&driver).await;
    let request =
        json!({"code": code, "purpose": "enforcement", "class": "C1", "on": "2031-06-02"});
    let facts = police.post("/verifications", &request).await.done();
    assert_eq!(facts["status"]["value"], "valid");
    assert_eq!(facts["entitled"]["outcome"], "no");
    assert_eq!(codes(&facts["entitled"]["reasons"]), ["expired"]);
}

async fn sc_41_paper_is_asked_for_only_to_withhold_it(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let police = app.staff("police").await;
    for (measure, required) in [("withhold-licence", true), ("none", false)] {
        let code = numeric_code(&driver).await;
        let request = json!({"code": code, "purpose": "enforcement", "measure": measure});
        let facts = police.post("/verifications", &request).await.done();
        assert_eq!(facts["paper"]["required"], required);
        assert_eq!(facts["paper"]["reason"].is_object(), required);
    }
}

async fn sc_42_each_bad_code_has_its_own_reason_and_none_says_revoked(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let police = app.staff("police").await;
    let good = numeric_code(&driver).await;
    // Forged: right form and check digit, never made. Made with the same rule by another authority.
    let mut rng = testkit::random::seeded(99);
    let forged = credential::NumericCode::generate(17, &mut rng).digits();
    // Mistyped: one digit off.
    let digit = u8::from(good.as_bytes()[9] == b'0').to_string();
    let altered = format!("{}{digit}{}", &good[..9], &good[10..]);
    let expired = numeric_code(&driver).await;
    app.clock.advance(SignedDuration::from_secs(61));
    for (code, status, reason) in [
        (forged.as_str(), 404, "code-unknown"),
        (&altered, 422, "not-a-code"),
        (&expired, 410, "code-expired"),
        ("123", 422, "not-a-code"),
        ("", 422, "not-a-code"),
        ("77一二三四五六七八九十一二三四五六", 422, "not-a-code"),
    ] {
        let answer = police.post("/verifications", &check(code)).await;
        answer.problem(status, reason);
        let text = answer.text().to_lowercase();
        assert!(
            !text.contains("revoked") && !text.contains("吊销"),
            "{text}"
        );
        assert!(
            !text.contains(BEIJING) && !text.contains("测试甲"),
            "{text}"
        );
    }
}

async fn sc_43_a_code_works_once_and_not_long(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let police = app.staff("police").await;
    let code = numeric_code(&driver).await;
    let path = "/verifications";
    let first = police.post_once(path, &check(&code), "k").await.done();
    police
        .post(path, &check(&code))
        .await
        .problem(409, "code-used");
    // The same request with the same key gets the same answer, also later.
    app.clock.advance(SignedDuration::from_secs(30));
    let again = police.post_once(path, &check(&code), "k").await.done();
    assert_eq!(first, again);
    let read = police
        .get(&format!("/verifications/{}", first["id"].as_str().unwrap()))
        .await
        .done();
    assert_eq!(first, read);
    // One key is not good for two requests.
    let other = numeric_code(&driver).await;
    let mut reused = check(&code);
    reused["class"] = json!("C1");
    police
        .post_once(path, &reused, "k")
        .await
        .problem(409, "idempotency-key-reused");
    // The window: 60 s, at its end no longer.
    app.clock.advance(SignedDuration::from_secs(59));
    police.post(path, &check(&other)).await.done();
    let late = numeric_code(&driver).await;
    app.clock.advance(SignedDuration::from_secs(60));
    police
        .post(path, &check(&late))
        .await
        .problem(410, "code-expired");
    // Read aloud: 120 s.
    let aloud = driver
        .post(
            "/holder/e-licence/codes",
            &json!({"kind": "numeric", "read_aloud": true}),
        )
        .await
        .done();
    app.clock.advance(SignedDuration::from_secs(119));
    police
        .post(path, &check(aloud["grouped"].as_str().unwrap()))
        .await
        .done();
}

async fn sc_46_a_licence_counts_alike_everywhere(app: App) {
    // Issued in 成都, checked by police of 北京 (R4).
    let driver = driver_with_licence(&app, CHENGDU).await;
    let facts = verified(&app, &driver).await;
    assert_eq!(facts["status"]["value"], "valid");
    assert_eq!(facts["authentic"]["outcome"], "yes");
}

async fn a_race_for_one_code_has_one_winner(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let police = std::sync::Arc::new(app.staff("police").await);
    for _ in 0..5 {
        let code = numeric_code(&driver).await;
        let tries: Vec<_> = (0..6)
            .map(|_| {
                let (police, request) = (police.clone(), check(&code));
                tokio::spawn(async move { police.post("/verifications", &request).await.status })
            })
            .collect();
        let mut won = 0;
        for attempt in tries {
            match attempt.await.unwrap() {
                200 => won += 1,
                409 => {}
                other => panic!("{other}"),
            }
        }
        assert_eq!(won, 1);
        app.clock.advance(SignedDuration::from_mins(1));
    }
}

/// R13: whoever writes to the database cannot make a licence.
async fn a_changed_credential_in_the_database_is_not_authentic(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let other = driver_with_licence(&app, CHENGDU).await;
    assert_eq!(verified(&app, &other).await["authentic"]["outcome"], "yes");
    crate::trust::swap_forms(&app).await;
    let code = numeric_code(&driver).await;
    let police = app.staff("police").await;
    // A form swapped by SQL does not even open: nothing is answered, and the log names the place.
    police
        .post("/verifications", &check(&code))
        .await
        .problem(500, "internal");
}

async fn what_a_role_may_see_and_ask(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let window = app.staff("window").await;
    let code = numeric_code(&driver).await;
    window
        .post("/verifications", &check(&code))
        .await
        .problem(403, "wrong-purpose");
    let request = json!({"code": code, "purpose": "vehicle-service"});
    let facts = window.post("/verifications", &request).await.done();
    assert!(facts["licence"]["address"].is_null() && facts["licence"]["points"].is_null());
    // Another verifier cannot read the answer.
    let police = app.staff("police").await;
    let path = format!("/verifications/{}", facts["id"].as_str().unwrap());
    police.get(&path).await.problem(404, "not-found");
    // Nor can the verifier later.
    app.clock.advance(SignedDuration::from_mins(10));
    window.get(&path).await.problem(404, "not-found");
    // Others cannot verify at all.
    for login in ["admin", "counter-1101", "reviewer-1101"] {
        let staff = app.staff(login).await;
        staff
            .post("/verifications", &check("1"))
            .await
            .problem(403, "not-your-role");
    }
    driver
        .post("/verifications", &check("1"))
        .await
        .problem(403, "not-your-role");
    app.client()
        .post("/verifications", &check("1"))
        .await
        .problem(401, "sign-in-required");
}

async fn the_holder_sees_who_looked(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let facts = verified(&app, &driver).await;
    let look_ups = driver.get("/holder/look-ups").await.done();
    assert_eq!(look_ups[0]["id"], facts["id"]);
    assert_eq!(look_ups[0]["office"], "office-1101");
    assert_eq!(look_ups[0]["purpose"], "enforcement");
}

/// SC-65: two nodes on one database.
async fn a_second_node_learns_within_a_second(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let (second, _) = app.second_node().await;
    let mut live = second.live();
    let suspended = json!({"status": ["D"], "version": 2});
    deliver(&app, &[with(record(BEIJING), suspended)]).await;
    second.follow().await.unwrap();
    let mut told = false;
    while let Ok(event) = live.try_recv() {
        told |= event.kind == "status";
    }
    assert!(told);
    assert_eq!(verified(&app, &driver).await["status"]["value"], "red");
}
