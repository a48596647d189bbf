//! A delivery of registry records, cut into its records without reading them: each record is judged
//! by itself, so that a bad one does not keep the good ones out.

use serde::de::IgnoredAny;

use crate::{body, problem::Problem};

/// A record's line or place, from 1, and its bytes as they were sent.
pub(crate) type Piece<'a> = (u64, &'a [u8]);

/// The lines of NDJSON that hold something.
pub(crate) fn of_lines(bytes: &[u8]) -> Vec<Piece<'_>> {
    (1..)
        .zip(bytes.split(|byte| *byte == b'\n'))
        .map(|(number, line)| (number, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
        .collect()
}

/// The elements of a JSON array.
///
/// They are cut out and not parsed, for a parsed value would hide what a record repeats or how it
/// writes a number.
pub(crate) fn of_array(bytes: &[u8]) -> Result<Vec<Piece<'_>>, Problem> {
    // Once it is known to be an array, its commas at depth one part its elements.
    let elements: Vec<IgnoredAny> = body::parse(bytes)?;
    if elements.is_empty() {
        return Ok(Vec::new());
    }
    let inner = bytes
        .trim_ascii()
        .strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"))
        .unwrap_or_default();
    let mut cut = Cut::default();
    let pieces = inner.split(|byte| cut.parts(*byte));
    Ok((1..).zip(pieces.map(<[u8]>::trim_ascii)).collect())
}

/// Where a scan of well-formed JSON stands.
#[derive(Default)]
struct Cut {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Cut {
    /// Takes the next byte; whether it is a comma between two elements.
    fn parts(&mut self, byte: u8) -> bool {
        if self.in_string {
            self.in_string = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        byte == b',' && self.depth == 0
    }
}

/// Refuses a delivery in which nothing is a JSON object: it is no delivery at all.
pub(crate) fn readable(pieces: &[Piece<'_>]) -> Result<(), Problem> {
    let mut first = None;
    for (_, piece) in pieces {
        match serde_json::from_slice::<Object>(piece) {
            Ok(_) => return Ok(()),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(Problem::invalid(
        first.iter().map(body::where_it_stops).collect(),
    ))
}

/// Any JSON object.
struct Object;

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Object, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Object)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pieces: Vec<Piece<'_>>) -> Vec<(u64, &str)> {
        let as_text = |(number, bytes)| (number, std::str::from_utf8(bytes).unwrap());
        pieces.into_iter().map(as_text).collect()
    }

    #[test]
    fn lines_keep_their_numbers() {
        let lines = of_lines(b"{\"a\":1}\r\n\n  \n{bad\n{\"b\":2}");
        assert_eq!(
            texts(lines),
            [(1, "{\"a\":1}"), (4, "{bad"), (5, "{\"b\":2}")]
        );
        assert!(of_lines(b"\n \r\n").is_empty());
    }

    #[test]
    fn elements_are_cut_and_left_as_they_are() {
        let array = br#" [ {"a":"],{\"\\","b":[1,2]} , 42,{"c":{"d":1.0},"c":2}, "x,y" ] "#;
        assert_eq!(
            texts(of_array(array).unwrap()),
            [
                (1, r#"{"a":"],{\"\\","b":[1,2]}"#),
                (2, "42"),
                (3, r#"{"c":{"d":1.0},"c":2}"#),
                (4, r#""x,y""#),
            ]
        );
        assert!(of_array(b"[ ]").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_array_is_refused_as_a_whole() {
        for (body, status) in [("[{}", 400), ("[{},]", 400), ("{}", 422), ("1", 422)] {
            let problem = of_array(body.as_bytes()).unwrap_err();
            assert_eq!(problem.status().as_u16(), status, "{body}");
            assert_eq!(problem.code(), "invalid-request");
        }
    }

    #[test]
    fn one_object_makes_a_delivery_readable() {
        assert!(readable(&of_lines(b"oops\n{\"a\":1}")).is_ok());
        for nothing in ["", "oops", "42\n\"x\"\n[{}]", "{\"a\":}"] {
            let problem = readable(&of_lines(nothing.as_bytes())).unwrap_err();
            assert_eq!(problem.status().as_u16(), 422, "{nothing}");
            assert_eq!(problem.code(), "invalid-request");
        }
    }
}
