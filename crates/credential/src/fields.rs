//! Reading maps with integer keys: each entry is taken once, and nothing may be left over.

use crate::{cbor::Value, malformed::Malformed};

/// Longest text in a claim, in bytes. Addresses and authority names stay far below.
const MAX_TEXT: usize = 512;

/// A key of a map and the name that errors use for it.
pub(crate) type Key = (i64, &'static str);

/// The entries that nobody has taken yet.
pub(crate) struct Fields<'a> {
    entries: Vec<(i64, Option<&'a Value<'a>>)>,
    /// Behind the entry that was taken last: most are asked for in their order.
    next: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn open(value: &'a Value<'a>, name: &'static str) -> Result<Self, Malformed> {
        let Value::Map(entries) = value else {
            return Err(Malformed::ClaimType(name));
        };
        let entry = |(key, value): &'a (Value<'a>, Value<'a>)| Some((key.as_i64()?, Some(value)));
        let entries: Option<Vec<_>> = entries.iter().map(entry).collect();
        Ok(Self {
            entries: entries.ok_or(Malformed::UnknownClaim)?,
            next: 0,
        })
    }

    fn take(&mut self, wanted: i64) -> Option<&'a Value<'a>> {
        let (before, after) = self.entries.split_at_mut_checked(self.next)?;
        let mut in_turn = (self.next..).zip(after).chain((0..).zip(before));
        let (place, (_, entry)) = in_turn.find(|(_, (key, _))| *key == wanted)?;
        self.next = place + 1;
        entry.take()
    }

    pub(crate) fn optional<T>(
        &mut self,
        (key, name): Key,
        read: impl FnOnce(&'a Value<'a>, &'static str) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        self.take(key).map(|value| read(value, name)).transpose()
    }

    pub(crate) fn required<T>(
        &mut self,
        key: Key,
        read: impl FnOnce(&'a Value<'a>, &'static str) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        self.optional(key, read)?
            .ok_or(Malformed::MissingClaim(key.1))
    }

    pub(crate) fn close(self) -> Result<(), Malformed> {
        if self.entries.iter().all(|(_, entry)| entry.is_none()) {
            Ok(())
        } else {
            Err(Malformed::UnknownClaim)
        }
    }
}

/// A text that a person can read: not empty, not too long, no control characters.
pub(crate) fn text(value: &Value<'_>, name: &'static str) -> Result<String, Malformed> {
    let Value::Text(text) = value else {
        return Err(Malformed::ClaimType(name));
    };
    if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err(Malformed::ClaimValue(name));
    }
    Ok(text.as_ref().to_owned())
}

pub(crate) fn bytes<'a>(value: &'a Value<'_>, name: &'static str) -> Result<&'a [u8], Malformed> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
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
    value: &Value<'_>,
    name: &'static str,
) -> Result<[u8; N], Malformed> {
    match <[u8; N]>::try_from(bytes(value, name)?) {
        Ok(array) => Ok(array),
        Err(_other_length) => Err(Malformed::ClaimValue(name)),
    }
}

pub(crate) fn unsigned(value: &Value<'_>, name: &'static str) -> Result<u64, Malformed> {
    let Value::Unsigned(n) = value else {
        return Err(Malformed::ClaimType(name));
    };
    Ok(*n)
}

pub(crate) fn items<'a>(
    value: &'a Value<'a>,
    name: &'static str,
) -> Result<&'a [Value<'a>], Malformed> {
    let Value::Array(items) = value else {
        return Err(Malformed::ClaimType(name));
    };
    Ok(items)
}
