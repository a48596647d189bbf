//! Bindings that come to nothing: other keys, other proofs, other people.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use credential::{DeviceKey, Signer as _, SoftwareSigner, Suite};
use jiff::SignedDuration;
use serde_json::json;
use testkit::{
    app::App,
    people::{BEIJING, CHENGDU, record, with},
    random::seeded,
};

use super::{begin, bind, checked, device, dynamic, material, prove};
use crate::{
    on_both_engines,
    steps::{activate, deliver, driver_with_licence},
};

on_both_engines!(
    what_is_no_device_key_is_refused,
    a_proof_by_another_key_is_refused,
    a_proof_works_once_and_in_time,
    sc_20_another_drivers_binding_is_as_none,
    of_two_devices_at_once_one_binds,
    nobody_binds_without_a_licence_to_show,
    only_a_driver_binds,
    bindings_are_slowed,
);

async fn what_is_no_device_key_is_refused(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let mut rng = seeded(1);
    let key = SoftwareSigner::generate(&Suite::Es256, &mut rng).unwrap();
    let point = key.public_key().to_sec1();
    let compressed = DeviceKey::from_sec1(&point).unwrap().to_compressed();
    let sm2 = SoftwareSigner::generate(&Suite::sm2(), &mut rng).unwrap();
    let mut off_curve = point;
    off_curve[64] ^= 1;
    let mut hybrid = point;
    hybrid[0] = 6 | (point[64] & 1);
    let mut infinity = [0; 65];
    infinity[0] = 4;
    for (what, bytes) in [
        ("compressed", &compressed[..]),
        ("off the curve", &off_curve),
        ("hybrid", &hybrid),
        ("another curve", &sm2.public_key().to_sec1()),
        ("infinity", &infinity),
        ("cut", &point[..64]),
        ("nothing", &[]),
    ] {
        let request = json!({"device_key": URL_SAFE_NO_PAD.encode(bytes)});
        let refused = driver.post("/holder/bindings", &request).await;
        assert_eq!(
            refused.problem(422, "invalid-device-key"),
            [""; 0],
            "{what}"
        );
        app.clock.advance(SignedDuration::from_mins(1));
    }
    let padded = base64::engine::general_purpose::STANDARD.encode(point);
    let request = json!({ "device_key": padded });
    let refused = driver.post("/holder/bindings", &request).await;
    refused.problem(422, "invalid-device-key");
}

async fn a_proof_by_another_key_is_refused(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let (phone, thief) = (device(1), device(2));
    let challenge = begin(&driver, &phone).await.expect(201);
    let refused = prove(&driver, &thief, &challenge).await;
    refused.problem(403, "binding-refused");
    let path = format!(
        "/holder/bindings/{}/proof",
        challenge["id"].as_str().unwrap()
    );
    for signature in ["", "AAAA", &"A".repeat(86), "not base64!"] {
        let proof = json!({ "signature": signature });
        driver
            .put(&path, &proof)
            .await
            .problem(403, "binding-refused");
    }
    // A signature over another challenge, as one that was recorded.
    let other = json!({"id": challenge["id"], "challenge": URL_SAFE_NO_PAD.encode([7; 32])});
    let replayed = driver.put(&path, &phone.proof(&other).unwrap()).await;
    replayed.problem(403, "binding-refused");
    // Nothing was lost by it.
    prove(&driver, &phone, &challenge).await.done();
}

async fn a_proof_works_once_and_in_time(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let phone = device(1);
    let challenge = begin(&driver, &phone).await.expect(201);
    prove(&driver, &phone, &challenge).await.done();
    let replayed = prove(&driver, &phone, &challenge).await;
    replayed.problem(409, "not-in-this-state");
    let late = device(2);
    let challenge = begin(&driver, &late).await.expect(201);
    app.clock.advance(SignedDuration::from_secs(301));
    let refused = prove(&driver, &late, &challenge).await;
    assert_eq!(refused.problem(409, "not-in-this-state"), ["expired"]);
    // The one that was bound goes on.
    let code = dynamic(&app, &driver, &phone).await;
    checked(&app, &code).await.done();
    // Begun and never proved, it makes room for the next.
    let first = begin(&driver, &late).await.expect(201);
    let second = begin(&driver, &late).await.expect(201);
    let refused = prove(&driver, &late, &first).await;
    refused.problem(409, "not-in-this-state");
    prove(&driver, &late, &second).await.done();
}

/// SC-20 (R77): another's binding is as none, and nobody binds another's e-licence.
async fn sc_20_another_drivers_binding_is_as_none(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    let other = driver_with_licence(&app, CHENGDU).await;
    let phone = device(1);
    let challenge = begin(&driver, &phone).await.expect(201);
    let foreign = prove(&other, &phone, &challenge).await;
    let mut nothing = challenge.clone();
    nothing["id"] = json!(format!("bnd_{}", "0".repeat(32)));
    let none = prove(&other, &phone, &nothing).await;
    assert_eq!(
        foreign.problem(404, "not-found"),
        none.problem(404, "not-found")
    );
    assert_eq!(foreign.body, none.body);
    // Nor is it another device's of the same driver.
    let second = activate(&app, BEIJING).await;
    let elsewhere = prove(&second, &phone, &challenge).await;
    assert_eq!(elsewhere.body, none.body);
    prove(&driver, &phone, &challenge).await.done();
    // A key may be bound by two people, who hold it both: each presents only their own.
    let challenge = begin(&other, &phone).await.expect(201);
    prove(&other, &phone, &challenge).await.done();
    let code = dynamic(&app, &driver, &phone).await;
    let facts = checked(&app, &code).await.done();
    assert_eq!(facts["licence"]["licence_number"], BEIJING);
}

async fn of_two_devices_at_once_one_binds(app: App) {
    let first = driver_with_licence(&app, BEIJING).await;
    let second = activate(&app, BEIJING).await;
    for round in 0..4 {
        let (one, other) = (device(10 + round), device(20 + round));
        let (a, b) = tokio::join!(begin(&first, &one), begin(&second, &other));
        let mut won = 0;
        let (a, b) = (a.json(), b.json());
        let tried = async |driver, device, challenge: &serde_json::Value| {
            if challenge["challenge"].is_null() {
                return 409;
            }
            prove(driver, device, challenge).await.status
        };
        let (a, b) = tokio::join!(tried(&first, &one, &a), tried(&second, &other, &b));
        for status in [a, b] {
            assert!(matches!(status, 200 | 409), "{status}");
            won += u8::from(status == 200);
        }
        assert_eq!(won, 1, "round {round}");
        app.clock.advance(SignedDuration::from_mins(2));
    }
}

async fn nobody_binds_without_a_licence_to_show(app: App) {
    deliver(&app, &[record(BEIJING)]).await;
    let driver = activate(&app, BEIJING).await;
    begin(&driver, &device(1))
        .await
        .problem(404, "no-e-licence");
    // A licence that is hidden makes no code, and binds no device.
    let hidden = driver_with_licence(&app, CHENGDU).await;
    bind(&hidden, 2).await;
    let phone = device(3);
    let challenge = begin(&hidden, &phone).await.expect(201);
    let gone = json!({"status": ["G"], "version": 2});
    deliver(&app, &[with(record(CHENGDU), gone)]).await;
    for kind in ["dynamic", "offline"] {
        material(&hidden, kind)
            .await
            .problem(409, "e-licence-not-shown");
    }
    begin(&hidden, &phone)
        .await
        .problem(409, "e-licence-not-shown");
    let refused = prove(&hidden, &phone, &challenge).await;
    refused.problem(409, "e-licence-not-shown");
}

async fn only_a_driver_binds(app: App) {
    let phone = device(1);
    begin(&app.client(), &phone)
        .await
        .problem(401, "sign-in-required");
    let police = app.staff("police").await;
    begin(&police, &phone).await.problem(403, "not-your-role");
    let path = "/holder/bindings/current";
    police.get(path).await.problem(403, "not-your-role");
    police.delete(path).await.problem(403, "not-your-role");
}

async fn bindings_are_slowed(app: App) {
    let driver = driver_with_licence(&app, BEIJING).await;
    for _ in 0..10 {
        begin(&driver, &device(1)).await.expect(201);
    }
    begin(&driver, &device(1))
        .await
        .problem(429, "too-many-requests");
    app.clock.advance(SignedDuration::from_secs(30));
    begin(&driver, &device(1)).await.expect(201);
}
