//! Codes of bound devices, checked online: dynamic and offline.

mod bad;
mod unreachable;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{
    Form, LicenceClaims, Rest, SignedTrustList, Unverified, UnverifiedProfile, VerifiedProfile,
    VerifiedTrustList,
    code::{
        LARGEST_DYNAMIC, LARGEST_ENFORCEMENT, LARGEST_OFFLINE, LARGEST_WITH_PORTRAIT, qr_version,
    },
};
use jiazhao::demo::device::Shows;
use jiff::SignedDuration;
use serde_json::{Value, json};
use testkit::{
    app::{App, enforcement_secret},
    client::Answer,
    people::{BEIJING, CHENGDU, record, with},
};

use crate::{
    binding::{bind, checked, dynamic, material, offline},
    on_both_engines,
    steps::{activate, apply, approve, check, codes, deliver, driver_with_licence},
};

on_both_engines!(
    sc_40_police_scan_a_dynamic_code,
    an_offline_code_is_checked_online_too,
    offline_forms_hold_what_they_may_and_fit_their_symbols,
    codes_are_red_where_the_licence_is,
    sc_46_codes_count_alike_everywhere,
    the_same_request_gets_the_same_answer,
    a_code_counts_in_the_order_of_its_time,
    of_many_who_check_one_code_at_once_one_is_answered,
    the_holder_sees_who_looked_at_a_code,
);

pub(crate) fn trust(app: &App) -> VerifiedTrustList {
    let list = app.authority.trust_list().unwrap();
    let list = SignedTrustList::from_json(list.as_bytes()).unwrap();
    list.verify(None).unwrap()
}

fn decoded(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

/// The public form of offline material, checked.
pub(crate) fn profile(app: &App, material: &Value) -> VerifiedProfile {
    verified(app, &decoded(&material["credential"]))
}

fn verified(app: &App, form: &[u8]) -> VerifiedProfile {
    let form = UnverifiedProfile::parse(form).unwrap();
    form.verify(&trust(app)).unwrap()
}

/// What an enforcement terminal reads.
pub(crate) fn opened(app: &App, material: &Value) -> Rest {
    let form = verified(app, &decoded(&material["enforcement"]));
    let Form::Enforcement { rest, .. } = &form.claims().form else {
        panic!("not the enforcement form");
    };
    let id = form.claims().credential_id;
    rest.open(&id, &enforcement_secret()).unwrap()
}

/// The claims of a credential as a file.
pub(crate) fn claims(app: &App, file: &Answer) -> LicenceClaims {
    assert_eq!(file.status, 200, "{}", file.text());
    let form = Unverified::parse(&file.body).unwrap();
    form.verify(&trust(app)).unwrap().claims().clone()
}

async fn sc_40_police_scan_a_dynamic_code(app: App) {
    let classes = with(record(BEIJING), json!({"classes": ["B2"]}));
    deliver(&app, &[classes]).await;
    let application = apply(&app, BEIJING).await;
    approve(&app, BEIJING, &application).await;
    let driver = activate(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let code = dynamic(&app, &driver, &phone).await;
    assert!(code.starts_with("JZ1:"));
    assert!(qr_version(code.len()).unwrap() <= LARGEST_DYNAMIC);
    let police = app.staff("police").await;
    let request = json!({"code": code, "purpose": "enforcement", "class": "C1"});
    let facts = police.post("/verifications", &request).await.done();
    assert_eq!(facts["code_kind"], "dynamic");
    assert_eq!(facts["assurance"], "software");
    assert_eq!(facts["authentic"]["outcome"], "yes");
    assert_eq!(facts["authentic"]["suite"], "SM2-SM3");
    assert_eq!(facts["authentic"]["issuer"], "urn:jiazhao:test");
    assert_eq!(facts["fresh"]["outcome"], "yes");
    assert_eq!(facts["fresh"]["made_at"], app.clock.now().to_string());
    assert_eq!(facts["status"]["value"], "valid");
    assert_eq!(facts["entitled"]["outcome"], "yes", "B2 covers C1");
    assert_eq!(facts["person"]["outcome"], "not-compared");
    assert_eq!(facts["licence"]["licence_number"], BEIJING);
    assert_eq!(facts["licence"]["points"], 3);
    let portrait = facts["person"]["portrait"].as_str().unwrap();
    let portrait = police.get(portrait).await;
    assert_eq!(portrait.body, testkit::people::photo(40));
}

async fn an_offline_code_is_checked_online_too(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    for shows in [Shows::Public, Shows::Portrait, Shows::Enforcement] {
        let code = offline(&app, &driver, &phone, shows).await;
        let facts = checked(&app, &code).await.done();
        assert_eq!(facts["code_kind"], "offline");
        assert_eq!(facts["assurance"], "software");
        assert_eq!(facts["authentic"]["outcome"], "yes");
        assert_eq!(facts["authentic"]["suite"], "SM2-SM3");
        assert_eq!(facts["status"]["value"], "valid");
        assert_eq!(facts["licence"]["licence_number"], BEIJING);
        app.clock.advance(SignedDuration::from_secs(1));
    }
    // The status is of now, not of the code.
    let code = offline(&app, &driver, &phone, Shows::Public).await;
    let suspended = json!({"status": ["D"], "version": 2});
    deliver(&app, &[with(record(BEIJING), suspended)]).await;
    assert_eq!(checked(&app, &code).await.done()["status"]["value"], "red");
}

async fn offline_forms_hold_what_they_may_and_fit_their_symbols(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let made = material(&driver, "offline").await.expect(201);
    assert_eq!(made["suite"], "SM2-SM3");
    assert_eq!(made["colour"], "black");
    let now = app.clock.now();
    assert_eq!(made["renewed_at"], now.to_string());
    let week = now + SignedDuration::from_hours(7 * 24);
    assert_eq!(made["good_until"], week.to_string());
    for (shows, largest) in [
        (Shows::Public, LARGEST_OFFLINE),
        (Shows::Portrait, LARGEST_WITH_PORTRAIT),
        (Shows::Enforcement, LARGEST_ENFORCEMENT),
    ] {
        let code = phone.offline(&made, now, shows).unwrap();
        let version = qr_version(code.len()).unwrap();
        assert!(version <= largest, "{shows:?}: {version}");
    }
    let shown = profile(&app, &made);
    let claims = shown.claims();
    assert_eq!(claims.name, "测试甲");
    assert_eq!(claims.masked_number.as_str(), "1101**********9912");
    assert_eq!(claims.classes, ["C1"]);
    assert_eq!(claims.authority_code, "1101");
    let Form::Public { portrait_sha256 } = claims.form else {
        panic!("not the public form");
    };
    let portrait = decoded(&made["portrait"]);
    assert_eq!(portrait_sha256, Some(credential::code::sha256(&portrait)));
    // Nothing of the rest stands in the public form.
    let form = String::from_utf8_lossy(&decoded(&made["credential"])).into_owned();
    for secret in [BEIJING, "样例市", "1990"] {
        assert!(!form.contains(secret), "{secret}");
    }
    // It is the terminal's to open.
    let rest = opened(&app, &made);
    assert_eq!(rest.licence_number, BEIJING);
    assert_eq!(rest.address.as_deref(), Some("样例市样例区测试路0号"));
    assert_eq!(rest.points, 3);
}

async fn codes_are_red_where_the_licence_is(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let suspended = json!({"status": ["D"], "version": 2});
    deliver(&app, &[with(record(BEIJING), suspended)]).await;
    for kind in ["dynamic", "offline"] {
        let made = material(&driver, kind).await.expect(201);
        assert_eq!(made["colour"], "red");
    }
    let code = dynamic(&app, &driver, &phone).await;
    let facts = checked(&app, &code).await.done();
    assert_eq!(facts["status"]["value"], "red");
    assert_eq!(facts["authentic"]["outcome"], "yes");
}

/// SC-46 (R4): issued in 成都, checked by police of 北京.
async fn sc_46_codes_count_alike_everywhere(app: App) {
    let driver = driver_with_licence(&app, CHENGDU).await;
    let phone = bind(&driver, 1).await;
    let code = dynamic(&app, &driver, &phone).await;
    assert_eq!(
        checked(&app, &code).await.done()["status"]["value"],
        "valid"
    );
}

async fn the_same_request_gets_the_same_answer(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let police = app.staff("police").await;
    let path = "/verifications";
    let dynamic = dynamic(&app, &driver, &phone).await;
    app.clock.advance(SignedDuration::from_secs(1));
    let offline = offline(&app, &driver, &phone, Shows::Public).await;
    for (code, key) in [(dynamic, "a"), (offline, "b")] {
        let first = police.post_once(path, &check(&code), key).await.done();
        let again = police.post_once(path, &check(&code), key).await.done();
        assert_eq!(first, again);
        let other = police.post_once(path, &check(&code), "other").await;
        other.problem(409, "code-used");
        let window = json!({"code": code, "purpose": "violation"});
        let reused = police.post_once(path, &window, key).await;
        reused.problem(409, "idempotency-key-reused");
    }
}

/// A code that was filmed is worth nothing once a later one was accepted.
async fn a_code_counts_in_the_order_of_its_time(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let made = material(&driver, "offline").await.expect(201);
    let at = |seconds| app.clock.now() + SignedDuration::from_secs(seconds);
    let earlier = phone.dynamic(&made, at(0)).unwrap();
    let filmed = phone.offline(&made, at(1), Shows::Public).unwrap();
    let accepted = phone.dynamic(&made, at(2)).unwrap();
    let later = phone.offline(&made, at(3), Shows::Public).unwrap();
    checked(&app, &accepted).await.done();
    for code in [&earlier, &filmed, &accepted] {
        checked(&app, code).await.problem(409, "code-used");
    }
    checked(&app, &later).await.done();
}

async fn of_many_who_check_one_code_at_once_one_is_answered(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let police = std::sync::Arc::new(app.staff("police").await);
    for _ in 0..4 {
        let code = dynamic(&app, &driver, &phone).await;
        let tries: Vec<_> = (0..6)
            .map(|_| {
                let (police, request) = (police.clone(), check(&code));
                tokio::spawn(async move { police.post("/verifications", &request).await })
            })
            .collect();
        let mut won = 0;
        for attempt in tries {
            let answer = attempt.await.unwrap();
            if answer.status == 200 {
                won += 1;
            } else {
                answer.problem(409, "code-used");
            }
        }
        assert_eq!(won, 1);
        app.clock.advance(SignedDuration::from_mins(1));
    }
}

async fn the_holder_sees_who_looked_at_a_code(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    let code = dynamic(&app, &driver, &phone).await;
    let facts = checked(&app, &code).await.done();
    let look_ups = driver.get("/holder/look-ups").await.done();
    assert_eq!(look_ups[0]["id"], facts["id"]);
    assert_eq!(look_ups[0]["purpose"], "enforcement");
    assert!(codes(&facts["authentic"]["reasons"]).is_empty());
}
