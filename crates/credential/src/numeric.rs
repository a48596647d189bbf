//! The numeric code (数字码): 18 digits that are read aloud, typed, or scanned as Code128.
//!
//! `77`, which no licence number begins with; 15 digits; a check digit after Damm. The 15 digits
//! are `random * 256 + partition`, so that whoever looks a code up knows its partition, and the
//! random part takes every one of its 3,906,250,000,000 values. That is no secret to keep for
//! long: codes live for a minute or two, and are used once.

use rand::{CryptoRng, RngExt as _};
use std::{fmt, str::FromStr};
use subtle::ConstantTimeEq as _;

use crate::reason::Reason;

/// A numeric code with a correct check digit. `Debug` hides it: while it lives, whoever knows it
/// can use it.
#[derive(Clone)]
pub struct NumericCode([u8; DIGITS]);

const DIGITS: usize = 18;

const PREFIX: &[u8; 2] = b"77";

/// Partitions share the middle digits evenly: 10^15 is a multiple of 256.
const PARTITIONS: u64 = 256;

const RANDOM_PARTS: u64 = 1_000_000_000_000_000 / PARTITIONS;

/// Totally anti-symmetric quasigroup of order 10 (H. M. Damm, 2004): with it, the check digit
/// finds every single wrong digit and every swap of neighbours.
const QUASIGROUP: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// The text is no numeric code: mistyped, most likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not-a-code: not a numeric code, please check the digits (不是有效的数字码，请核对)")]
pub struct NotACode;

impl NotACode {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        Reason::new(
            "not-a-code",
            "不是有效的数字码，请核对",
            "not a numeric code, please check the digits",
        )
    }
}

impl NumericCode {
    /// A new code of this partition.
    pub fn generate(partition: u8, rng: &mut impl CryptoRng) -> Self {
        let random = rng.random_range(0..RANDOM_PARTS);
        let middle = random * PARTITIONS + u64::from(partition);
        let mut digits = [b'0'; DIGITS];
        let without_check = format!("77{middle:015}");
        for (digit, shown) in digits.iter_mut().zip(without_check.bytes()) {
            *digit = shown;
        }
        let [head @ .., check] = &mut digits;
        *check = b'0' + damm(head);
        Self(digits)
    }

    /// Reads a code as it is typed or scanned: 18 digits, with or without one space between
    /// groups of three.
    ///
    /// # Errors
    /// [`NotACode`].
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let mut digits = [b'0'; DIGITS];
        let mut rest = text.as_bytes();
        for (place, digit) in digits.iter_mut().enumerate() {
            if place > 0 && place % 3 == 0 {
                rest = rest.strip_prefix(b" ").unwrap_or(rest);
            }
            let (first, after) = rest.split_first().ok_or(NotACode)?;
            *digit = *first;
            rest = after;
        }
        let well_formed = rest.is_empty() && digits.iter().all(u8::is_ascii_digit);
        if well_formed && digits.starts_with(PREFIX) && damm(&digits) == 0 {
            Ok(Self(digits))
        } else {
            Err(NotACode)
        }
    }

    /// The partition whose licence it shows.
    #[must_use]
    pub fn partition(&self) -> u8 {
        let middle = self.0.iter().skip(2).take(15);
        // Horner's rule modulo 256, which is all that the partition is.
        middle.fold(0, |value: u8, digit| {
            value
                .wrapping_mul(10)
                .wrapping_add(digit.wrapping_sub(b'0'))
        })
    }

    /// The 18 digits without spaces, as a bar code carries them.
    #[must_use]
    pub fn digits(&self) -> String {
        self.0.iter().copied().map(char::from).collect()
    }
}

/// The interim digit after these ASCII digits; zero after a check digit that is right.
fn damm(digits: &[u8]) -> u8 {
    digits.iter().fold(0, |interim, digit| {
        QUASIGROUP
            .get(usize::from(interim))
            .and_then(|row| row.get(usize::from(digit.wrapping_sub(b'0'))))
            .copied()
            .unwrap_or_default()
    })
}

impl FromStr for NumericCode {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        Self::parse(text)
    }
}

impl PartialEq for NumericCode {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for NumericCode {}

/// Six groups of three, as on the screen.
impl fmt::Display for NumericCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, digit) in self.0.iter().enumerate() {
            if place > 0 && place % 3 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{}", char::from(*digit))?;
        }
        Ok(())
    }
}

impl fmt::Debug for NumericCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NumericCode(77****************)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    fn codes() -> Vec<NumericCode> {
        let mut rng = StdRng::seed_from_u64(77);
        (0..=255)
            .map(|partition| NumericCode::generate(partition, &mut rng))
            .collect()
    }

    #[test]
    fn a_code_knows_its_partition_and_its_two_texts() {
        for (partition, code) in (0..=255).zip(codes()) {
            assert_eq!(code.partition(), partition);
            assert_eq!(NumericCode::parse(&code.digits()), Ok(code.clone()));
            let shown = code.to_string();
            assert_eq!(NumericCode::parse(&shown), Ok(code.clone()));
            assert_eq!((shown.len(), shown.split(' ').count()), (23, 6));
            assert!(code.digits().starts_with("77"));
            assert!(!format!("{code:?}").contains(code.digits().get(2..).unwrap()));
        }
    }

    #[test]
    fn the_published_example_of_damm() {
        assert_eq!(damm(b"572"), 4);
        assert_eq!(damm(b"5724"), 0);
    }

    #[test]
    fn the_quasigroup_finds_every_single_error_and_every_swap_of_neighbours() {
        // Over every interim digit, so for codes of any digits before the error; after it, equal
        // digits keep two different interim digits apart, because every column is a permutation.
        for interim in 0..10 {
            for a in 0..10 {
                for b in 0..10 {
                    let step = |state: u8, digit: usize| QUASIGROUP[usize::from(state)][digit];
                    if a != b {
                        assert_ne!(step(interim, a), step(interim, b));
                        assert_ne!(step(step(interim, a), b), step(step(interim, b), a));
                    }
                }
            }
        }
        for column in 0..10 {
            let mut seen: Vec<u8> = QUASIGROUP.iter().map(|row| row[column]).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..10).collect::<Vec<u8>>());
        }
    }

    #[test]
    fn sc_43_every_single_slip_in_a_code_is_not_a_code() {
        for code in codes() {
            let digits = code.digits().into_bytes();
            for place in 0..DIGITS {
                for digit in b'0'..=b'9' {
                    let mut typed = digits.clone();
                    typed[place] = digit;
                    let typed = String::from_utf8(typed).unwrap();
                    let same = typed == code.digits();
                    assert_eq!(NumericCode::parse(&typed).is_ok(), same, "{typed}");
                }
                if place > 0 && digits[place] != digits[place - 1] {
                    let mut typed = digits.clone();
                    typed.swap(place, place - 1);
                    let typed = String::from_utf8(typed).unwrap();
                    assert_eq!(NumericCode::parse(&typed), Err(NotACode), "{typed}");
                }
            }
        }
    }

    #[test]
    fn other_texts_are_not_codes() {
        let code = codes().remove(0);
        let digits = code.digits();
        for text in [
            String::new(),
            format!("{digits}0"),
            format!(" {digits}"),
            format!("{digits} "),
            code.to_string().replace(' ', "  "),
            code.to_string().replace(' ', "-"),
            digits.replacen('7', "7 ", 1),
            digits.get(..17).unwrap().to_owned(),
            "110199199001019912".to_owned(),
            digits.replace('7', "\u{ff17}"),
        ] {
            assert_eq!(NumericCode::parse(&text), Err(NotACode), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text: String) {
            if let Ok(code) = NumericCode::parse(&text) {
                prop_assert_eq!(code.digits(), text.replace(' ', ""));
            }
        }
    }
}
