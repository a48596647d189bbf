//! Codes to the phone that the registry holds, and what a change of that phone holds up.

use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::{App, PASSWORD},
    people::{BEIJING, CHENGDU, record, with},
};

use super::{
    OTHER_PHONE, PHONE, activate_by_phone, ask_for_code, by_phone, code_by_phone, inbox,
    issue_reachable, jobs, link, reachable, texts,
};
use crate::{
    on_both_engines,
    steps::{activate, deliver},
};

on_both_engines!(
    a_code_by_phone_activates,
    a_replayed_or_forged_activation_is_refused,
    wrong_tries_spoil_their_own_request_only,
    codes_by_phone_have_an_allowance_and_the_counter_has_none,
    without_a_carrier_of_texts_only_the_counter_activates,
    a_new_phone_activates_nothing_for_72_hours,
    the_former_phone_is_told_while_a_change_is_held,
    what_is_over_is_swept,
);

async fn a_code_by_phone_activates(app: App) {
    issue_reachable(&app, BEIJING, PHONE).await;
    let driver = activate_by_phone(&app, BEIJING, PHONE).await;
    driver.get("/holder/e-licence").await.done();
    let devices = driver.get("/holder/devices").await.done();
    assert_eq!(devices[0]["proof"], "phone-code");
    jobs(&app).await;
    assert_eq!(texts(&app, PHONE), ["phone-code", "account-activated"]);
    // As people type it.
    let (challenge, code) = code_by_phone(&app, BEIJING, PHONE).await;
    let typed = format!("{} {}", &code[..4], &code[4..]);
    let request = by_phone(BEIJING, (&challenge, &typed), PASSWORD);
    app.client().post("/activations", &request).await.done();
}

async fn a_replayed_or_forged_activation_is_refused(app: App) {
    let other = reachable(CHENGDU, OTHER_PHONE);
    deliver(&app, &[reachable(BEIJING, PHONE), other]).await;
    let tried = async |number: &str, challenge: &str, code: &str| {
        let request = by_phone(number, (challenge, code), PASSWORD);
        let answer = app.client().post("/activations", &request).await;
        if answer.status != 201 {
            answer.problem(403, "activation-refused");
        }
        answer.status
    };
    let (challenge, code) = code_by_phone(&app, BEIJING, PHONE).await;
    let (others, its_code) = code_by_phone(&app, CHENGDU, OTHER_PHONE).await;
    // Another driver's request or code, and one that nobody made.
    for (number, challenge, code) in [
        (BEIJING, &others, &its_code),
        (CHENGDU, &challenge, &code),
        (BEIJING, &others, &code),
        (BEIJING, &challenge, &its_code),
        (BEIJING, &"AAAAAAAAAAAAAAAAAAAAAA".to_owned(), &code),
        (BEIJING, &String::new(), &code),
    ] {
        assert_eq!(tried(number, challenge, code).await, 403);
    }
    // Without the request's name, the code is taken for a printed one.
    let bare = json!({"licence_number": BEIJING, "code": code, "password": PASSWORD});
    let answer = app.client().post("/activations", &bare).await;
    answer.problem(403, "activation-refused");
    assert_eq!(tried(BEIJING, &challenge, &code).await, 201);
    assert_eq!(tried(BEIJING, &challenge, &code).await, 403, "replayed");
    // In time, and not later.
    app.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(tried(CHENGDU, &others, &its_code).await, 403);
}

/// Somebody else's tries count against the request that they made.
async fn wrong_tries_spoil_their_own_request_only(app: App) {
    deliver(&app, &[reachable(BEIJING, PHONE)]).await;
    let (own, own_code) = code_by_phone(&app, BEIJING, PHONE).await;
    let (guessed, its_code) = code_by_phone(&app, BEIJING, PHONE).await;
    let wrong = if its_code == "00000000" {
        "11111111"
    } else {
        "00000000"
    };
    let tried = async |challenge: &str, code: &str| {
        let request = by_phone(BEIJING, (challenge, code), PASSWORD);
        app.client().post("/activations", &request).await.status
    };
    for _ in 0..5 {
        assert_eq!(tried(&guessed, wrong).await, 403);
    }
    assert_eq!(tried(&guessed, &its_code).await, 403, "its tries are up");
    for _ in 0..4 {
        assert_eq!(tried(&own, wrong).await, 403);
    }
    assert_eq!(tried(&own, &own_code).await, 201, "the fifth is right");
}

async fn codes_by_phone_have_an_allowance_and_the_counter_has_none(app: App) {
    deliver(&app, &[reachable(BEIJING, PHONE)]).await;
    for _ in 0..9 {
        ask_for_code(&app.client(), BEIJING).await.expect(202);
        jobs(&app).await;
    }
    assert_eq!(texts(&app, PHONE).len(), 6);
    app.clock.advance(SignedDuration::from_hours(1));
    for _ in 0..2 {
        ask_for_code(&app.client(), BEIJING).await.expect(202);
        jobs(&app).await;
    }
    assert_eq!(texts(&app, PHONE).len(), 7);
    // One source is slowed before that.
    let one = app.client();
    for attempt in 0..6 {
        let answer = ask_for_code(&one, CHENGDU).await;
        assert_eq!(answer.status == 429, attempt == 5, "{}", answer.text());
    }
    activate(&app, BEIJING).await;
}

async fn without_a_carrier_of_texts_only_the_counter_activates(app: App) {
    let app = app.without_texts().await;
    deliver(&app, &[reachable(BEIJING, PHONE)]).await;
    ask_for_code(&app.client(), BEIJING).await.expect(202);
    jobs(&app).await;
    assert_eq!(app.texts.carried(), []);
    let driver = activate(&app, BEIJING).await;
    assert_eq!(inbox(&driver).await, ["account-activated"]);
}

/// A number that somebody smuggled into the registry opens no account at once.
async fn a_new_phone_activates_nothing_for_72_hours(app: App) {
    deliver(&app, &[reachable(BEIJING, PHONE), record(CHENGDU)]).await;
    let (open, its_code) = code_by_phone(&app, BEIJING, PHONE).await;
    let moved = with(reachable(BEIJING, OTHER_PHONE), json!({"version": 2}));
    // The first number of a driver who is known counts as a change too.
    let first = with(reachable(CHENGDU, "19900000003"), json!({"version": 2}));
    deliver(&app, &[moved, first]).await;
    jobs(&app).await;
    assert_eq!(texts(&app, PHONE), ["phone-code", "contact-changed"]);
    assert_eq!(texts(&app, OTHER_PHONE), Vec::<String>::new());
    assert!(!link(&app, PHONE, "contact-changed").is_empty());
    // Nor does a code that went to the former number.
    let request = by_phone(BEIJING, (&open, &its_code), PASSWORD);
    let answer = app.client().post("/activations", &request).await;
    answer.problem(403, "activation-refused");
    app.clock.advance(SignedDuration::from_secs(72 * 3600 - 1));
    for (number, phone) in [(BEIJING, OTHER_PHONE), (CHENGDU, "19900000003")] {
        ask_for_code(&app.client(), number).await.expect(202);
        jobs(&app).await;
        assert_eq!(texts(&app, phone), Vec::<String>::new());
    }
    // The counter is open all the time.
    activate(&app, CHENGDU).await;
    app.clock.advance(SignedDuration::from_secs(1));
    activate_by_phone(&app, BEIJING, OTHER_PHONE).await;
    activate_by_phone(&app, CHENGDU, "19900000003").await;
}

/// Of two changes within the time, the number before the first is told; and of what happens.
async fn the_former_phone_is_told_while_a_change_is_held(app: App) {
    deliver(&app, &[reachable(BEIJING, PHONE)]).await;
    for (version, phone) in [(2, OTHER_PHONE), (3, "19900000003")] {
        let moved = with(reachable(BEIJING, phone), json!({ "version": version }));
        deliver(&app, &[moved]).await;
        jobs(&app).await;
    }
    assert_eq!(texts(&app, PHONE), ["contact-changed", "contact-changed"]);
    assert_eq!(texts(&app, OTHER_PHONE), ["contact-changed"]);
    activate(&app, BEIJING).await;
    jobs(&app).await;
    assert_eq!(texts(&app, PHONE)[2..], ["account-activated"]);
    assert_eq!(texts(&app, "19900000003"), ["account-activated"]);
    // Other changes of the record are none of the phone.
    let same = with(
        reachable(BEIJING, "19900000003"),
        json!({"version": 4, "address": "另一处"}),
    );
    deliver(&app, &[same]).await;
    app.clock.advance(SignedDuration::from_hours(72));
    activate(&app, BEIJING).await;
    jobs(&app).await;
    assert_eq!(texts(&app, PHONE).len(), 3, "the time is over");
}

async fn what_is_over_is_swept(app: App) {
    deliver(&app, &[reachable(BEIJING, PHONE)]).await;
    ask_for_code(&app.client(), BEIJING).await.expect(202);
    ask_for_code(&app.client(), CHENGDU).await.expect(202);
    let sweep = async || app.authority.sweep_accounts(&app.act()).await.unwrap();
    app.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(sweep().await, 0);
    app.clock.advance(SignedDuration::from_mins(11));
    assert_eq!(sweep().await, 2);
    assert_eq!(sweep().await, 0);
}
