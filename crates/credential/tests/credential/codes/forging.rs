//! Codes and profiles that no honest device or issuer makes: the envelope is written by another
//! encoder, which writes whatever it is told, and the signatures are real.

use ciborium::Value;
use credential::{Signer as _, SoftwareSigner, Suite};

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The text of any bytes.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::from("JZ1:");
    for pair in bytes.chunks(2) {
        let mut rest = pair.iter().fold(0, |n, byte| n * 256 + usize::from(*byte));
        for _ in 0..=pair.len() {
            text.push(char::from(ALPHABET[rest % 45]));
            rest /= 45;
        }
    }
    text
}

/// The bytes of an honest text.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let digit = |c: &u8| ALPHABET.iter().position(|it| it == c).unwrap();
    let groups = text.strip_prefix("JZ1:").unwrap().as_bytes().chunks(3);
    groups
        .flat_map(|group| {
            let value = group.iter().rev().fold(0, |n, c| n * 45 + digit(c));
            let both = u16::try_from(value).unwrap().to_be_bytes();
            both[3 - group.len()..].to_vec()
        })
        .collect()
}

pub(crate) fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).unwrap();
    out
}

pub(crate) fn decoded(bytes: &[u8]) -> Value {
    ciborium::from_reader(bytes).unwrap()
}

pub(crate) fn uint(n: u64) -> Value {
    Value::Integer(n.into())
}

pub(crate) fn int(n: i64) -> Value {
    Value::Integer(n.into())
}

/// The parts of a `COSE_Sign1`: protected header, payload.
pub(crate) fn parts(profile: &[u8]) -> (Value, Value) {
    let Value::Tag(18, items) = decoded(profile) else {
        unreachable!("a tagged COSE_Sign1")
    };
    let items = items.into_array().unwrap();
    let inside = |at: usize| decoded(items[at].as_bytes().unwrap());
    (inside(0), inside(2))
}

/// A `COSE_Sign1` of these parts, whatever they are, with a signature that verifies.
pub(crate) fn sign1(protected: Vec<u8>, payload: Vec<u8>, by: &SoftwareSigner) -> Vec<u8> {
    let message = encoded(&Value::Array(vec![
        Value::Text("Signature1".to_owned()),
        Value::Bytes(protected.clone()),
        Value::Bytes(Vec::new()),
        Value::Bytes(payload.clone()),
    ]));
    let signature = settled(by, *by.sign(&message).unwrap().as_raw());
    let items = vec![
        Value::Bytes(protected),
        Value::Map(Vec::new()),
        Value::Bytes(payload),
        Value::Bytes(signature.to_vec()),
    ];
    encoded(&Value::Tag(18, Box::new(Value::Array(items))))
}

/// The order of P-256, and of two numbers s and order - s the other.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

pub(crate) fn other_form(signature: [u8; 64]) -> [u8; 64] {
    let mut other = signature;
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        other[32 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    other
}

fn settled(by: &SoftwareSigner, signature: [u8; 64]) -> [u8; 64] {
    if *by.suite() == Suite::Es256 {
        let other = other_form(signature);
        if other[32..] < signature[32..] {
            return other;
        }
    }
    signature
}

/// A map of which one entry is taken twice.
pub(crate) fn with_duplicate(map: Value) -> Value {
    let mut entries = map.into_map().unwrap();
    entries.insert(1, entries[0].clone());
    Value::Map(entries)
}

pub(crate) fn reversed(map: Value) -> Value {
    let mut entries = map.into_map().unwrap();
    entries.reverse();
    Value::Map(entries)
}

/// The map with this entry set to another value, or taken out.
pub(crate) fn with(map: Value, key: i64, value: Option<Value>) -> Value {
    let mut entries = map.into_map().unwrap();
    let place = entries.iter().position(|(it, _)| *it == int(key));
    match (place, value) {
        (Some(at), Some(value)) => entries[at].1 = value,
        (Some(at), None) => drop(entries.remove(at)),
        (None, Some(value)) => entries.push((int(key), value)),
        (None, None) => {}
    }
    Value::Map(entries)
}
