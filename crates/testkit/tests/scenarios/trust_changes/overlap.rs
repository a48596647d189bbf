//! While two keys are good: verifiers without a network hold lists of different days.

use super::*;
use crate::{
    binding::{bind, material, offline},
    status_lists::{CWT, fetch, letters, publish, read},
};
use credential::{Answer, StatusSource, Suite, UnverifiedStatusList, check_code};
use jiazhao::demo::device::{Device, Shows};

crate::on_both_engines!(
    sc_64_in_an_overlap_a_code_is_good_under_the_list_before_and_after,
    sc_64_a_code_by_the_new_key_has_its_status_once_a_list_speaks_of_it,
    sc_64_after_an_emergency_revocation_a_code_is_by_the_new_keys_at_once,
    sc_64_in_an_overlap_no_suite_is_without_its_list,
);

/// After the period the lists are published.
const PERIOD: SignedDuration = SignedDuration::from_mins(10);

/// A verifier without a network: what it fetched, and nothing else.
struct Verifier {
    trust: VerifiedTrustList,
    lists: StatusSource,
}

impl Verifier {
    /// Who fetches now.
    async fn filled(app: &App) -> Self {
        let trust = served_list(app).await;
        let list = fetch(&app.client(), "/status-lists/0", &[("accept", CWT)]).await;
        let list = UnverifiedStatusList::parse(&list.body).unwrap();
        let mut lists = StatusSource::default();
        lists.hold(list.verify(&trust).unwrap());
        Self { trust, lists }
    }

    fn check(&self, app: &App, code: &str) -> Answer {
        check_code(code, &self.trust, &self.lists, None, app.clock.now())
    }
}

fn reasons(answer: &Answer) -> Vec<&str> {
    answer.reasons.iter().map(|reason| reason.code).collect()
}

/// The key by which an offline code is authentic, fresh and valid.
fn good(answer: &Answer) -> KeyId {
    assert_eq!((answer.exit_code(), reasons(answer)), (0, Vec::new()));
    answer.by.as_ref().unwrap().key_id
}

/// A bound device, of whose credential the published list speaks.
async fn shown(app: &App) -> (Client, Device) {
    let driver = driver_with_licence(app, BEIJING).await;
    let phone = bind(&driver, 1).await;
    app.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(publish(app, "one").await, 1);
    (driver, phone)
}

/// The next period, and the one after it: a list that changed is dated past its change by then.
async fn two_periods(app: &App) {
    for _ in 0..2 {
        app.clock.advance(PERIOD);
        publish(app, "one").await;
    }
}

async fn public_code(app: &App, driver: &Client, phone: &Device) -> String {
    app.clock.advance(SignedDuration::from_secs(1));
    offline(app, driver, phone, Shows::Public).await
}

/// The keys of SM2 that sign licences and statements of the present.
fn keys_of_sm2(app: &App) -> Vec<KeyId> {
    let keys = app.authority.keys(app.clock.now()).unwrap().into_iter();
    let keys = keys.filter(|key| key.suite == "SM2-SM3" && key.signs);
    keys.map(|key| key.key_id.parse().unwrap()).collect()
}

/// Nobody is called a forger by a verifier that was filled this morning: what a device shows is signed
/// by keys that its list knows, until the operator retires them.
async fn sc_64_in_an_overlap_a_code_is_good_under_the_list_before_and_after(app: App) {
    administrators(&app).await;
    let (driver, phone) = shown(&app).await;
    let (before, old) = (Verifier::filled(&app).await, signing_key(&app));
    changed(&app, &ROTATE).await;
    assert_ne!(signing_key(&app), old, "another key signs licences");
    let two = keys_of_sm2(&app);
    assert!(
        two.contains(&old) && two.contains(&signing_key(&app)),
        "what is told of them"
    );
    let code = public_code(&app, &driver, &phone).await;
    assert_eq!(good(&before.check(&app, &code)), old);
    let after = Verifier::filled(&app).await;
    assert_eq!(after.trust.list().version, 2);
    assert_eq!(good(&after.check(&app, &code)), old);
    // A later list, by the new key, says no less.
    app.clock.advance(PERIOD);
    assert_eq!(publish(&app, "one").await, 1);
    let later = Verifier::filled(&app).await;
    let code = public_code(&app, &driver, &phone).await;
    assert_eq!(good(&later.check(&app, &code)), old);
}

/// Once the old keys are retired the device gets another credential. A list that is older says nothing
/// of it, which is `status-unknown`: neither valid nor false.
async fn sc_64_a_code_by_the_new_key_has_its_status_once_a_list_speaks_of_it(app: App) {
    administrators(&app).await;
    let (driver, phone) = shown(&app).await;
    let (before, old) = (Verifier::filled(&app).await, keys_of_sm2(&app));
    let kept = material(&driver, "offline").await.expect(201);
    changed(&app, &ROTATE).await;
    for key in old {
        changed(&app, &TrustChange::Retire(key)).await;
    }
    app.clock.advance(PERIOD);
    assert_eq!(publish(&app, "one").await, 1);
    let verifier = Verifier::filled(&app).await;
    // Who was not online since shows what the keys signed in their time.
    let code = phone.offline(&kept, app.clock.now(), Shows::Public);
    good(&verifier.check(&app, &code.unwrap()));
    let code = public_code(&app, &driver, &phone).await;
    let answer = verifier.check(&app, &code);
    assert_eq!(answer.exit_code(), 2);
    assert_eq!(reasons(&answer), ["status-unknown"]);
    assert_eq!(answer.by.unwrap().key_id, signing_key(&app));
    // Who has not fetched the list since before the rotation does not know the key.
    assert_eq!(reasons(&before.check(&app, &code)), ["foreign-issuer"]);
    two_periods(&app).await;
    let code = public_code(&app, &driver, &phone).await;
    let verifier = Verifier::filled(&app).await;
    assert_eq!(good(&verifier.check(&app, &code)), signing_key(&app));
}

async fn sc_64_after_an_emergency_revocation_a_code_is_by_the_new_keys_at_once(app: App) {
    let [admin, ..] = administrators(&app).await;
    let (driver, phone) = shown(&app).await;
    let old = keys_of_sm2(&app);
    let kept = material(&driver, "offline").await.expect(201);
    changed(&app, &ROTATE).await;
    for key in &old {
        let path = format!("/admin/keys/{key}/revocation");
        let why = json!({"reason": "compromised"});
        admin.post(&path, &why).await.expect(200);
    }
    app.clock.advance(SignedDuration::from_secs(60));
    publish(&app, "one").await;
    let code = public_code(&app, &driver, &phone).await;
    let verifier = Verifier::filled(&app).await;
    let answer = verifier.check(&app, &code);
    assert!(answer.authentic && answer.fresh, "{:?}", reasons(&answer));
    assert_eq!(answer.by.unwrap().key_id, signing_key(&app));
    // Verifiers that stand alone learn it with the next signed list.
    let by_old = |verifier: &Verifier| {
        let code = phone.offline(&kept, app.clock.now(), Shows::Public);
        verifier.check(&app, &code.unwrap())
    };
    assert!(by_old(&verifier).authentic);
    for (key, reason) in old
        .iter()
        .rev()
        .zip(["stamp-key-distrusted", "key-distrusted"])
    {
        brought(&app, &TrustChange::Revoke(*key)).await;
        let answer = by_old(&Verifier::filled(&app).await);
        assert_eq!((answer.authentic, answer.exit_code()), (false, 1));
        assert_eq!(reasons(&answer), [reason]);
    }
    let verifier = Verifier::filled(&app).await;
    let code = public_code(&app, &driver, &phone).await;
    assert!(verifier.check(&app, &code).authentic);
}

/// A key signs lists half a minute after it was made. Until then the one before goes on, so that the
/// list of a suite is there at every instant.
async fn sc_64_in_an_overlap_no_suite_is_without_its_list(app: App) {
    administrators(&app).await;
    shown(&app).await;
    let client = app.client();
    let key = async |suite: &str| {
        let path = format!("/status-lists/0?suite={suite}");
        let answer = fetch(&client, &path, &[("accept", CWT)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        read(&app, &answer).await;
        *UnverifiedStatusList::parse(&answer.body).unwrap().key_id()
    };
    let before = [key("ES256").await, key("SM2-SM3").await];
    app.clock.advance(PERIOD);
    let of_one_suite = TrustChange::Rotate {
        suite: Some(Suite::Es256),
        key_use: Some(KeyUse::Online),
    };
    changed(&app, &of_one_suite).await;
    letters(&app, BEIJING, "J", 2).await;
    assert_eq!(publish(&app, "one").await, 1);
    assert_eq!([key("ES256").await, key("SM2-SM3").await], before);
    app.clock.advance(PERIOD);
    assert_eq!(publish(&app, "one").await, 1);
    assert_ne!(key("ES256").await, before[0]);
    assert_eq!(key("SM2-SM3").await, before[1]);
}
