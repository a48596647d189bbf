//! Reading maps with integer keys: each entry is taken once, and nothing may be left over.

use std::collections::BTreeMap;

use crate::{cbor::Value, malformed::Malformed};

/// Longest text in a claim, in bytes. Addresses and authority names stay far below.
const MAX_TEXT: usize = 512;

/// A key of a map and the name that errors use for it.
pub(crate) type Key = (i64, &'static str);

pub(crate) struct Fields<'a>(BTreeMap<i64, &'a Value>);

impl<'a> Fields<'a> {
    pub(crate) fn open(value: &'a Value, name: &'static str) -> Result<Self, Malformed> {
        let Value::Map(entries) = value else {
            return Err(Malformed::ClaimType(name));
        };
        let mut fields = BTreeMap::new();
        for (key, value) in entries {
            fields.insert(key.as_i64().ok_or(Malformed::UnknownClaim)?, value);
        }
        Ok(Self(fields))
    }

    pub(crate) fn optional<T>(
        &mut self,
        (key, name): Key,
        read: impl FnOnce(&'a Value, &'static str) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        self.0
            .remove(&key)
            .map(|value| read(value, name))
            .transpose()
    }

    pub(crate) fn required<T>(
        &mut self,
        key: Key,
        read: impl FnOnce(&'a Value, &'static str) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        self.optional(key, read)?
            .ok_or(Malformed::MissingClaim(key.1))
    }

    pub(crate) fn close(self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed::UnknownClaim)
        }
    }
}

/// A text that a person can read: not empty, not too long, no control characters.
pub(crate) fn text(value: &Value, name: &'static str) -> Result<String, Malformed> {
    let Value::Text(text) = value else {
        return Err(Malformed::ClaimType(name));
    };
    if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(Malformed::ClaimValue(name));
    }
    Ok(text.clone())
}

pub(crate) fn bytes(value: &Value, name: &'static str) -> Result<Vec<u8>, Malformed> {
    match value {
        Value::Bytes(bytes) => Ok(bytes.clone()),
        Value::Unsigned(_)
        | Value::Negative(_)
        | Value::Text(_)
        | Value::Array(_)
        | Value::Map(_)
        | Value::Tag(..)
        | Value::True
        | Value::Null => Err(Malformed::ClaimType(name)),
    }
}

pub(crate) fn array_of<const N: usize>(
    value: &Value,
    name: &'static str,
) -> Result<[u8; N], Malformed> {
    match <[u8; N]>::try_from(bytes(value, name)?) {
        Ok(array) => Ok(array),
        Err(_other_length) => Err(Malformed::ClaimValue(name)),
    }
}

pub(crate) fn unsigned(value: &Value, name: &'static str) -> Result<u64, Malformed> {
    let Value::Unsigned(n) = value else {
        return Err(Malformed::ClaimType(name));
    };
    Ok(*n)
}

pub(crate) fn items<'a>(value: &'a Value, name: &'static str) -> Result<&'a [Value], Malformed> {
    let Value::Array(items) = value else {
        return Err(Malformed::ClaimType(name));
    };
    Ok(items)
}
