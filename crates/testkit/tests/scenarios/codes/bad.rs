//! Codes that are not good: each has its own reason, none says "revoked", and none tells anything of
//! a person.

use credential::{
    Code, OfflineCode, Signer as _, SoftwareSigner, Stamp, Suite,
    code::{PREFIX, offline_to_be_signed},
    profile,
};
use jiazhao::demo::device::Shows;
use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::App,
    client::Answer,
    people::{BEIJING, CHENGDU},
    random::seeded,
};

use super::{decoded, profile as shown};
use crate::{
    binding::{bind, checked, device, dynamic, material, offline},
    on_both_engines,
    steps::driver_with_licence,
};

on_both_engines!(
    sc_12_a_screenshot_is_not_fresh,
    a_clock_that_is_far_off_is_named,
    sc_42_a_text_that_is_no_code_says_why,
    sc_42_forged_and_altered_codes_have_their_reasons,
    sc_42_other_issuers_and_keys_are_refused,
    a_stamp_is_good_for_a_week,
    a_device_that_was_never_heard_of_again_presents_nothing,
    r13_whoever_writes_to_the_database_binds_no_device,
    bad_codes_are_slowed,
);

/// What an unusable code may say: its reason, and nothing of anybody.
fn says_nothing_of_anybody(answer: &Answer) {
    let text = answer.text().to_lowercase();
    for word in ["revoked", "吊销", BEIJING, "测试甲", "9912", "c1"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

/// SC-12 (R13): taken 2 minutes ago.
async fn sc_12_a_screenshot_is_not_fresh(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let screenshots = [
        dynamic(&app, &driver, &phone).await,
        offline(&app, &driver, &phone, Shows::Portrait).await,
    ];
    app.clock.advance(SignedDuration::from_mins(2));
    for code in &screenshots {
        let answer = checked(&app, code).await;
        answer.problem(410, "not-fresh");
        says_nothing_of_anybody(&answer);
    }
    // The window: 60 s, and 30 s for clocks that stand apart.
    let made = material(&driver, "dynamic").await.expect(201);
    for (ahead, good) in [(31, false), (30, true), (-60, true), (-61, false)] {
        let at = app.clock.now() + SignedDuration::from_secs(ahead);
        let answer = checked(&app, &phone.dynamic(&made, at).unwrap()).await;
        if good {
            answer.done();
            // The next is later than all before.
            app.clock.advance(SignedDuration::from_mins(5));
        } else {
            answer.problem(410, "not-fresh");
        }
    }
}

async fn a_clock_that_is_far_off_is_named(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let made = material(&driver, "offline").await.expect(201);
    for minutes in [-10, 10] {
        let at = app.clock.now() + SignedDuration::from_mins(minutes);
        for code in [
            phone.dynamic(&made, at).unwrap(),
            phone.offline(&made, at, Shows::Public).unwrap(),
        ] {
            let answer = checked(&app, &code).await;
            answer.problem(410, "clock-off");
            says_nothing_of_anybody(&answer);
        }
    }
}

async fn sc_42_a_text_that_is_no_code_says_why(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let code = dynamic(&app, &driver, &phone).await;
    let police = app.staff("police").await;
    let lower = code.to_lowercase();
    for text in [
        "JZ1:",
        "JZ1:0",
        "JZ1:GGW",
        "jz1:000",
        "JZ2:000",
        &code[..code.len() - 3],
        &format!("{code}00"),
        &format!("{code} "),
        &lower,
        &format!("{PREFIX}{}", "0".repeat(3000)),
    ] {
        let request = json!({"code": text, "purpose": "enforcement"});
        let answer = police.post("/verifications", &request).await;
        let reasons = answer.problem(422, "not-a-code");
        assert_eq!(reasons.is_empty(), !text.starts_with(PREFIX), "{text}");
        says_nothing_of_anybody(&answer);
        app.clock.advance(SignedDuration::from_secs(6));
    }
}

async fn sc_42_forged_and_altered_codes_have_their_reasons(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let other = driver_with_licence(&app, CHENGDU).await;
    let (phone, thief) = (bind(&driver, 1).await, bind(&other, 2).await);
    let (own, foreign) = (
        material(&driver, "offline").await.expect(201),
        material(&other, "offline").await.expect(201),
    );
    let now = app.clock.now();
    let made = |shows| match Code::parse(&phone.offline(&own, now, shows).unwrap()) {
        Ok(Code::Offline(code)) => code,
        _ => panic!("not an offline code"),
    };
    let good = made(Shows::Portrait);
    let mut altered = good.clone();
    let last = altered.profile.len() - 1;
    altered.profile[last] ^= 1;
    let mut portrait = good.clone();
    portrait.portrait = Some(b"another face".to_vec());
    let stamp_of_another = Stamp::from_cbor(&decoded(&foreign["stamp"])).unwrap();
    let text = |code: &OfflineCode| Code::Offline(code.clone()).to_text();
    let cases = [
        // Another's material, another's key.
        (thief.dynamic(&own, now).unwrap(), "bad-device-signature"),
        (
            thief.offline(&own, now, Shows::Public).unwrap(),
            "bad-device-signature",
        ),
        (text(&altered), "bad-signature"),
        (text(&portrait), "bad-device-signature"),
        (
            text(&OfflineCode {
                stamp: stamp_of_another,
                ..good.clone()
            }),
            "stamp-mismatch",
        ),
    ];
    for (code, reason) in cases {
        let answer = checked(&app, &code).await;
        assert_eq!(answer.problem(422, "code-refused"), [reason]);
        says_nothing_of_anybody(&answer);
        app.clock.advance(SignedDuration::from_secs(6));
    }
    // A handle that nobody has.
    let Ok(Code::Dynamic(mut unknown)) = Code::parse(&phone.dynamic(&own, now).unwrap()) else {
        panic!("not a dynamic code");
    };
    for handle in [[0; 16], [0xff; 16]] {
        unknown.handle = credential::Handle::from_bytes(handle);
        let answer = checked(&app, &Code::Dynamic(unknown.clone()).to_text()).await;
        answer.problem(404, "code-unknown");
    }
}

/// A device's own portrait beside its credential, signed by the device: the issuer named another.
fn with_other_portrait(app: &App, own: &serde_json::Value, seed: u64) -> String {
    let signer = SoftwareSigner::generate(&Suite::Es256, &mut seeded(seed)).unwrap();
    let profile = decoded(&own["credential"]);
    let stamp = Stamp::from_cbor(&decoded(&own["stamp"])).unwrap();
    let time = credential::NumericDate::floor(app.clock.now());
    let portrait = b"another face".to_vec();
    let message = offline_to_be_signed(&profile, stamp.renewed_at, time, Some(&portrait));
    let code = OfflineCode {
        signature: signer.sign(&message).unwrap(),
        profile,
        stamp,
        time,
        portrait: Some(portrait),
    };
    Code::Offline(code).to_text()
}

async fn sc_42_other_issuers_and_keys_are_refused(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    bind(&driver, 1).await;
    let own = material(&driver, "offline").await.expect(201);
    let refused = async |code: &str, reason: &str| {
        let answer = checked(&app, code).await;
        assert_eq!(answer.problem(422, "code-refused"), [reason]);
        says_nothing_of_anybody(&answer);
    };
    refused(&with_other_portrait(&app, &own, 1), "portrait-mismatch").await;
    // Everything right, and signed by a key that nobody trusts.
    let stranger = SoftwareSigner::generate(&Suite::sm2(), &mut seeded(9)).unwrap();
    let claims = shown(&app, &own).claims().clone();
    let resigned = profile::issue(&claims, &stranger).unwrap();
    let forged = json!({
        "credential": base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, resigned),
        "stamp": own["stamp"],
    });
    let code = device(1)
        .offline(&forged, app.clock.now(), Shows::Public)
        .unwrap();
    refused(&code, "foreign-issuer").await;
    // A stamp by that key.
    let now = credential::NumericDate::floor(app.clock.now());
    let stamp = Stamp::sign(&stranger, &claims.credential_id, now).unwrap();
    let forged = json!({
        "credential": own["credential"],
        "stamp": base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, stamp.to_cbor()),
    });
    let code = device(1)
        .offline(&forged, app.clock.now(), Shows::Public)
        .unwrap();
    refused(&code, "stamp-key-unknown").await;
}

async fn a_stamp_is_good_for_a_week(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let made = material(&driver, "offline").await.expect(201);
    app.clock
        .advance(SignedDuration::from_hours(7 * 24) - SignedDuration::from_secs(1));
    let code = phone
        .offline(&made, app.clock.now(), Shows::Public)
        .unwrap();
    checked(&app, &code).await.done();
    app.clock.advance(SignedDuration::from_secs(1));
    let code = phone
        .offline(&made, app.clock.now(), Shows::Public)
        .unwrap();
    let answer = checked(&app, &code).await;
    assert_eq!(answer.problem(410, "not-fresh"), ["stamp-stale"]);
    // The dynamic code rests on no stamp.
    let code = phone.dynamic(&made, app.clock.now()).unwrap();
    checked(&app, &code).await.done();
}

/// A device that nobody signs in on is none after half a year, and neither is its binding.
async fn a_device_that_was_never_heard_of_again_presents_nothing(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let made = material(&driver, "dynamic").await.expect(201);
    app.clock
        .advance(SignedDuration::from_hours(180 * 24) - SignedDuration::from_secs(1));
    let code = phone.dynamic(&made, app.clock.now()).unwrap();
    checked(&app, &code).await.done();
    app.clock.advance(SignedDuration::from_secs(1));
    let code = phone.dynamic(&made, app.clock.now()).unwrap();
    checked(&app, &code).await.problem(410, "code-ended");
}

/// R13: the signed credential names the device, so that a key put into the database presents nothing.
async fn r13_whoever_writes_to_the_database_binds_no_device(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    bind(&driver, 1).await;
    let made = material(&driver, "offline").await.expect(201);
    let thief = SoftwareSigner::generate(&Suite::Es256, &mut seeded(2)).unwrap();
    sqlx::any::install_default_drivers();
    let url = app.database_url();
    let url = url
        .strip_prefix("sqlite:")
        .map_or_else(|| url.to_owned(), |path| format!("sqlite:{path}?mode=rw"));
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let written = sqlx::query("UPDATE bindings SET device_key = $1")
        .bind(thief.public_key().to_sec1().to_vec())
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(written.rows_affected(), 1);
    pool.close().await;
    let code = device(2).dynamic(&made, app.clock.now()).unwrap();
    let facts = checked(&app, &code).await.done();
    assert_eq!(facts["authentic"]["outcome"], "no");
    let reasons = crate::steps::codes(&facts["authentic"]["reasons"]);
    assert_eq!(reasons, ["other-device-key"]);
    // Its own offline code is signed by a key that the credential does not name.
    let code = device(2)
        .offline(&made, app.clock.now(), Shows::Public)
        .unwrap();
    let answer = checked(&app, &code).await;
    assert_eq!(
        answer.problem(422, "code-refused"),
        ["bad-device-signature"]
    );
}

/// Ten at once, then one in 6 s, by verifier.
async fn bad_codes_are_slowed(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    bind(&driver, 1).await;
    let made = material(&driver, "dynamic").await.expect(201);
    let forged = device(2).dynamic(&made, app.clock.now()).unwrap();
    for _ in 0..10 {
        checked(&app, &forged).await.problem(422, "code-refused");
    }
    checked(&app, &forged)
        .await
        .problem(429, "too-many-requests");
}
