use super::*;
use crate::{
    samples::{self, second, signer, suites},
    signer::SoftwareSigner,
};
use proptest::prelude::*;

fn keys() -> Vec<TrustedKey> {
    let at = second("2021-08-01T00:00:00Z");
    let states = [
        KeyState::Active,
        KeyState::Retired,
        KeyState::Revoked { at },
    ];
    let other_id = Suite::Sm2Sm3("ALICE123@YAHOO.COM".parse().unwrap());
    [Suite::Es256, Suite::sm2(), other_id]
        .iter()
        .zip(states)
        .map(|(suite, state)| samples::trusted(signer(suite, 0x11).public_key(), state))
        .chain([online(&Suite::Es256)])
        .collect()
}

fn online(suite: &Suite) -> TrustedKey {
    TrustedKey {
        key_use: KeyUse::Online,
        ..samples::trusted(signer(suite, 0x22).public_key(), KeyState::Active)
    }
}

fn roots() -> [SoftwareSigner; 2] {
    suites().map(|suite| signer(&suite, 0x55))
}

fn signed_by(list: &TrustList, roots: &[SoftwareSigner]) -> Result<SignedTrustList, IssueError> {
    let roots: Vec<&dyn Signer> = roots.iter().map(|root| -> &dyn Signer { root }).collect();
    sign_trust_list(list, &roots)
}

fn signed() -> SignedTrustList {
    signed_by(&samples::list(keys()), &roots()).unwrap()
}

#[test]
fn a_list_goes_out_and_comes_back_with_every_key_in_its_state() {
    let json = signed().to_json();
    let read = SignedTrustList::from_json(json.as_bytes()).unwrap();
    assert_eq!(read.to_json(), json);
    let verified = read.verify(None).unwrap();
    assert_eq!(verified.list(), &samples::list(keys()));
    for key in keys() {
        assert_eq!(verified.key(key.key_id()), Some(&key));
    }
    assert_eq!(verified.key(&KeyId::from_bytes([0; 16])), None);
}

#[test]
fn pins_are_the_exact_set_of_roots() {
    let signed = signed();
    let [es256, sm2] = roots().map(|root| *root.key_id());
    let foreign = KeyId::from_bytes([0; 16]);
    assert!(signed.verify(Some(&[sm2, es256])).is_ok());
    for pins in [&[es256][..], &[es256, sm2, foreign], &[foreign], &[]] {
        assert_eq!(signed.verify(Some(pins)), Err(TrustRefusal::OtherRoot));
    }
    // One suite taken away, as somebody would who can forge the other.
    let mut stripped = signed;
    stripped.lists.pop();
    assert!(stripped.verify(None).is_ok());
    assert_eq!(
        stripped.verify(Some(&[es256, sm2])),
        Err(TrustRefusal::OtherRoot)
    );
}

#[test]
fn lists_that_differ_are_a_disagreement() {
    let mut newer = samples::list(keys());
    newer.version += 1;
    let mut mixed = signed();
    mixed.lists[1] = signed_by(&newer, &roots()).unwrap().lists.remove(1);
    assert_eq!(mixed.verify(None), Err(TrustRefusal::Disagreement));
}

#[test]
fn a_list_under_another_roots_name_is_refused() {
    let impostor = [signer(&Suite::Es256, 0x66)];
    let mut forged = signed_by(&samples::list(keys()), &impostor).unwrap();
    forged.lists[0].root = signed().lists[0].root.clone();
    assert_eq!(forged.verify(None), Err(TrustRefusal::BadSignature));
}

#[test]
fn no_byte_of_a_list_can_be_changed() {
    let signed = signed();
    for (which, list) in signed.lists.iter().enumerate() {
        for at in 0..list.bytes.len() {
            let mut changed = signed.clone();
            changed.lists[which].bytes[at] ^= 1;
            assert!(changed.verify(None).is_err(), "list {which} byte {at}");
        }
    }
}

#[test]
fn sc_45_stale_from_next_update_on_is_a_fact_and_no_error() {
    let verified = signed().verify(None).unwrap();
    let next_update = verified.list().next_update.timestamp();
    assert!(!verified.is_stale(next_update - jiff::SignedDuration::from_secs(1)));
    assert!(verified.is_stale(next_update));
}

#[test]
fn what_nobody_would_read_is_not_signed() {
    let good = samples::list(keys());
    let refused = |list: &TrustList| signed_by(list, &roots()).err();
    let unfit = |malformed| Some(IssueError::Unfit(malformed));

    let mut list = good.clone();
    list.next_update = list.issued_at;
    assert_eq!(refused(&list), unfit(Malformed::ClaimValue("next_update")));
    let mut list = good.clone();
    list.keys.extend(keys());
    assert_eq!(refused(&list), unfit(Malformed::RepeatedKey));
    let mut list = good.clone();
    list.keys[0].issuer.clear();
    assert_eq!(refused(&list), unfit(Malformed::ClaimValue("issuer")));
    let mut list = good.clone();
    list.keys[0].not_after = second("2020-01-01T00:00:00Z");
    assert_eq!(refused(&list), unfit(Malformed::ClaimValue("not_after")));

    assert_eq!(
        signed_by(&good, &[]).err(),
        unfit(Malformed::MissingClaim("roots"))
    );
    let twice = [signer(&Suite::Es256, 0x55), signer(&Suite::Es256, 0x55)];
    assert_eq!(
        signed_by(&good, &twice).err(),
        unfit(Malformed::RepeatedKey)
    );
}

#[test]
fn a_state_and_its_date_belong_together() {
    let at = second("2021-08-01T00:00:00Z");
    for (state, date) in [(0, Some(at)), (1, Some(at)), (2, None), (3, None)] {
        let keys = keys();
        let Value::Map(mut entries) = keys[0].encode() else {
            unreachable!("a key is a map")
        };
        entries.retain(|(key, _)| key.as_i64() != Some(STATE.0));
        entries.push((Value::from(STATE.0), Value::Unsigned(state)));
        entries.extend(date.map(|at| (Value::from(REVOKED_AT.0), at.encode())));
        let decoded = TrustedKey::decode(&Value::Map(entries));
        assert_eq!(decoded, Err(Malformed::ClaimValue("state")));
    }
}

#[test]
fn files_that_are_no_lists_are_refused_each_by_its_name() {
    let json = signed().to_json();
    let key_id = signed().lists[0].root.key_id().to_string();
    let cases = [
        ("{}".to_owned(), Malformed::NotTrustJson),
        (
            json.replace("jiazhao-trust/1", "jiazhao-trust/2"),
            Malformed::NotTrustJson,
        ),
        (
            json.replace("\"lists\"", "\"more\": 1, \"lists\""),
            Malformed::NotTrustJson,
        ),
        (json.replace("ES256", "none"), Malformed::NotTrustJson),
        (
            json.replace(&key_id, &"0".repeat(32)),
            Malformed::BadPublicKey,
        ),
        (
            json.replace("\"ES256\"", "\"SM2-SM3\""),
            Malformed::BadPublicKey,
        ),
        (
            r#"{"format":"jiazhao-trust/1","roots":[],"lists":[]}"#.to_owned(),
            Malformed::MissingClaim("roots"),
        ),
        (" ".repeat(MAX_FILE + 1), Malformed::TooLarge),
    ];
    for (file, refusal) in cases {
        let read = SignedTrustList::from_json(file.as_bytes());
        assert_eq!(read.err(), Some(refusal));
    }
}

proptest! {
    #[test]
    fn no_bytes_break_the_parsers(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
        prop_assert!(SignedTrustList::from_json(&bytes).is_err());
        prop_assert!(TrustList::from_cbor(&bytes).is_err());
        let mut changed = samples::list(keys()).to_cbor();
        let at = at.index(changed.len());
        changed[at] = byte;
        if let Ok(list) = TrustList::from_cbor(&changed) {
            prop_assert_eq!(list.to_cbor(), changed);
        }
    }
}

#[test]
fn sc_64_a_list_can_be_trusted_less_and_never_more() {
    let verified = signed().verify(None).unwrap();
    let [active, retired, revoked, _] = keys().try_into().unwrap();
    let at = second("2021-09-09T00:00:00Z");
    let all = [&active, &retired, &revoked].map(|key| (*key.key_id(), at));
    let stricter = verified.distrusting(&all);
    for key in [&active, &retired] {
        let state = stricter.key(key.key_id()).unwrap().state;
        assert_eq!(state, KeyState::Revoked { at });
    }
    // What the roots said of it stays as they said it.
    assert_eq!(stricter.key(revoked.key_id()), Some(&revoked));
    assert_eq!(verified.distrusting(&[]), verified);
    assert_eq!(stricter.roots(), verified.roots());
}
