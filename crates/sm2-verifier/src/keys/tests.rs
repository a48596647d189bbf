use std::thread;

use sm2::dsa::{SigningKey, signature::Signer as _};

use super::*;
use crate::{DEFAULT_USER_ID, Item, Signature, verify_batch, verify_batch_scalar};

/// Bytes of the generator's table.
fn generator() -> usize {
    generator::FIRST.bytes()
}

struct Signed {
    point: Vec<u8>,
    signature: Signature,
}

const MESSAGE: &[u8] = b"a message";

fn signed(secret: u8) -> Signed {
    let signing = SigningKey::from_slice("1234567812345678", &[secret; 32]).unwrap();
    let signature: sm2::dsa::Signature = signing.sign(MESSAGE);
    Signed {
        point: signing.verifying_key().to_sec1_bytes().to_vec(),
        signature: Signature::from_raw(&signature.to_bytes()).unwrap(),
    }
}

impl Signed {
    fn key(&self, keys: &KnownKeys) -> Arc<KnownKey> {
        keys.key(&self.point, DEFAULT_USER_ID).unwrap()
    }
}

fn uses(keys: &KnownKeys, signed: &Signed, times: u64) {
    let key = signed.key(keys);
    for _ in 0..times {
        key.verify(MESSAGE, &signed.signature).unwrap();
        key.verify(b"another", &signed.signature).unwrap_err();
    }
}

#[test]
fn a_key_earns_a_small_table_and_then_a_larger_one() {
    let keys = KnownKeys::new(generator() + Width::BITS_12.bytes());
    let signed = signed(1);
    let key = signed.key(&keys);
    assert_eq!((key.bytes(), keys.bytes()), (0, generator()));
    uses(&keys, &signed, WORTH_8 / 2 - 1);
    assert_eq!(key.bytes(), 0);
    uses(&keys, &signed, 1);
    assert_eq!(key.bytes(), Width::BITS_8.bytes());
    uses(&keys, &signed, WORTH_12 / 2 - WORTH_8 / 2);
    assert_eq!(key.bytes(), Width::BITS_12.bytes());
    assert_eq!(keys.bytes(), keys.budget());
}

#[test]
fn a_key_is_one_whoever_asks_and_keeps_its_table() {
    let keys = KnownKeys::new(64 << 20);
    let one = signed(1);
    one.key(&keys).prepare();
    assert_eq!(one.key(&keys).bytes(), Width::BITS_12.bytes());
    assert!(Arc::ptr_eq(&one.key(&keys), &one.key(&keys)));
    let other_id = keys.key(&one.point, b"ALICE123@YAHOO.COM").unwrap();
    assert!(!Arc::ptr_eq(&one.key(&keys), &other_id));
    other_id.verify(MESSAGE, &one.signature).unwrap_err();
    assert_eq!(keys.key(&[4; 65], b"").err(), Some(BadKey::NotOnCurve));
}

#[test]
fn keys_that_nobody_holds_are_forgotten() {
    let keys = KnownKeys::new(0);
    let one = signed(1);
    for number in 0..1_000_u32 {
        drop(keys.key(&one.point, &number.to_be_bytes()).unwrap());
    }
    assert!(keys.ring.state().keys.len() <= 65);
}

#[test]
fn the_bound_holds_and_the_least_used_gives_way() {
    // One of 12 bits and one of 8, or some of 8.
    let budget = generator() + Width::BITS_12.bytes() + Width::BITS_8.bytes();
    let keys = KnownKeys::new(budget);
    let all: Vec<Signed> = (1..=14).map(signed).collect();
    for one in &all {
        uses(&keys, one, WORTH_8);
        assert!(keys.bytes() <= budget);
    }
    let held: usize = all.iter().map(|it| it.key(&keys).bytes()).sum();
    assert_eq!(held + generator(), keys.bytes());
    assert!(held > 10 * Width::BITS_8.bytes(), "{held}");
    // The last is used far more than the others, and takes what it needs of them.
    uses(&keys, &all[13], WORTH_12);
    assert_eq!(all[13].key(&keys).bytes(), Width::BITS_12.bytes());
    assert!(keys.bytes() <= budget);
    // Twice as much again by another one, and it is that one's turn.
    uses(&keys, &all[0], 4 * WORTH_12);
    assert_eq!(all[0].key(&keys).bytes(), Width::BITS_12.bytes());
    assert_eq!(all[13].key(&keys).bytes(), 0);
    assert!(keys.bytes() <= budget);
}

#[test]
fn counts_fade() {
    let keys = KnownKeys::new(0);
    let key = signed(1).key(&keys);
    for _ in 0..10 {
        assert!(key.table(FADES).is_none());
    }
    assert!(super::uses(&*key) < 3 * FADES, "{}", super::uses(&*key));
}

#[test]
fn without_room_every_answer_is_the_same() {
    let keys = KnownKeys::new(0);
    let all: Vec<Signed> = (1..=3).map(signed).collect();
    for one in &all {
        uses(&keys, one, WORTH_8);
    }
    assert_eq!(keys.bytes(), generator());
    let with = KnownKey::new(&all[0].point, DEFAULT_USER_ID, Width::BITS_8).unwrap();
    let without: Vec<_> = all.iter().map(|it| it.key(&keys)).collect();
    // Some with a table and some without, some good and some not.
    let items: Vec<Item<'_>> = (0..200)
        .map(|i| {
            let key: &KnownKey = if i % 5 == 0 { &with } else { &without[i % 3] };
            let signature = if i % 5 == 0 {
                all[0].signature
            } else {
                all[i % 3].signature
            };
            let message: &[u8] = if i % 7 == 0 { b"forged" } else { MESSAGE };
            let digest = key.digest(message);
            Item {
                key,
                digest,
                signature,
            }
        })
        .collect();
    for answers in [verify_batch(&items), verify_batch_scalar(&items)] {
        for (i, answer) in answers.iter().enumerate() {
            assert_eq!(answer.is_ok(), i % 7 != 0, "{i}");
        }
    }
}

#[test]
fn tables_grow_where_there_is_room() {
    let width = Width::new(13).unwrap();
    let room = width.bytes() * 2 + Width::BITS_8.bytes();
    let keys = KnownKeys::new(room);
    let (one, two) = (signed(1), signed(2));
    assert!(keys.grow(width).is_none(), "nothing is used yet");
    uses(&keys, &one, WORTH_8);
    uses(&keys, &two, WORTH_8 / 2);
    let grown = keys.grow(width).unwrap();
    assert_eq!(grown.point[..], one.point[..]);
    assert_eq!(one.key(&keys).bytes(), width.bytes());
    assert_eq!((grown.width, grown.bytes), (width, room));
    assert_eq!(keys.bytes(), room);
    assert!(keys.grow(width).is_none(), "no room for another");
    uses(&keys, &one, 1);
    uses(&keys, &two, 1);
}

#[test]
fn threads_that_want_more_than_there_is_get_right_answers() {
    let budget = generator() + 3 * Width::BITS_8.bytes();
    let keys = KnownKeys::new(budget);
    let all: Vec<Signed> = (1..=6).map(signed).collect();
    thread::scope(|scope| {
        for start in 0..4_u64 {
            let (keys, all) = (&keys, &all);
            scope.spawn(move || {
                for (turn, one) in (start..).zip(all.iter().cycle().skip(1).take(30)) {
                    uses(keys, one, 8 * (turn % 4));
                    assert!(keys.bytes() <= budget);
                }
            });
        }
    });
    let held: usize = all.iter().map(|it| it.key(&keys).bytes()).sum();
    assert_eq!(held + generator(), keys.bytes());
}
