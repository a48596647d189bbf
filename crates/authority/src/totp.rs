//! Time-based one-time passwords (RFC 6238) as the common authenticator apps make them: SHA-1, six
//! digits, 30 seconds; and the recovery codes that replace one.
//!
//! SHA-1 is what those apps know; HMAC does not rest on the collision resistance that it lacks.

use aws_lc_rs::{
    constant_time,
    hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign},
};
use jiff::Timestamp;
use rand::Rng;
use zeroize::Zeroizing;

/// Bytes of a secret: as many as SHA-1 answers (RFC 4226, section 4).
pub(crate) const SECRET: usize = 20;
/// Recovery codes of one set.
pub(crate) const RECOVERY_CODES: usize = 10;
/// 59 bits, in groups of four.
const RECOVERY_LENGTH: usize = 12;
/// Without i, l, o, u, 0 and 1, which people confuse.
const ALPHABET: &[u8; 30] = b"23456789abcdefghjkmnpqrstvwxyz";
const PERIOD: u64 = 30;
const DIGITS: usize = 6;

/// What somebody gives as second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// Six digits.
    Code(Zeroizing<String>),
    /// Something of the form of a recovery code, without its separators.
    Recovery(Zeroizing<String>),
    /// Neither.
    Nothing,
}

impl Given {
    /// Reads what was typed: people copy codes with spaces, hyphens and capitals.
    pub(crate) fn read(typed: Option<&str>) -> Self {
        let plain: Zeroizing<String> = Zeroizing::new(
            typed
                .unwrap_or_default()
                .chars()
                .filter(|letter| !matches!(letter, ' ' | '-'))
                .take(64)
                .collect::<String>()
                .to_ascii_lowercase(),
        );
        if plain.len() == DIGITS && plain.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Code(plain)
        } else if plain.len() == RECOVERY_LENGTH {
            Self::Recovery(plain)
        } else {
            Self::Nothing
        }
    }
}

/// The step whose code this is: the present one, or one on either side, since clocks differ and
/// people type slowly. Steps up to `used` are used up.
pub(crate) fn matching_step(secret: &[u8], code: &str, now: Timestamp, used: u64) -> Option<u64> {
    let present = u64::try_from(now.as_second()).unwrap_or_default() / PERIOD;
    let mut found = None;
    // All three are compared whatever comes of it, so that the time tells nothing.
    for step in [
        present.saturating_sub(1),
        present,
        present.saturating_add(1),
    ] {
        let right = code_of(secret, step);
        let equal =
            constant_time::verify_slices_are_equal(right.as_bytes(), code.as_bytes()).is_ok();
        if equal && step > used && found.is_none() {
            found = Some(step);
        }
    }
    found
}

/// The code of a step (RFC 4226, section 5.3).
pub(crate) fn code_of(secret: &[u8], step: u64) -> Zeroizing<String> {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = sign(&key, &step.to_be_bytes());
    let offset = tag.as_ref().last().map_or(0, |last| usize::from(last & 15));
    let number = tag
        .as_ref()
        .get(offset..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map_or(0, |four| u32::from_be_bytes(*four) & 0x7fff_ffff);
    Zeroizing::new(format!("{:06}", number % 1_000_000))
}

/// The address that an authenticator app reads, of the form that they agree on.
pub(crate) fn uri(secret: &[u8], issuer: &str, login: &str) -> Zeroizing<String> {
    let (issuer, login) = (percent(issuer), percent(login));
    let secret = base32(secret);
    Zeroizing::new(format!(
        "otpauth://totp/{issuer}:{login}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
        secret.as_str()
    ))
}

/// Base32 without padding (RFC 4648), as the apps take a secret that is typed.
pub(crate) fn base32(bytes: &[u8]) -> Zeroizing<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(5) * 8));
    let (mut held, mut bits) = (0_u16, 0_u32);
    let mut put = |value: u16| {
        let letter = LETTERS.get(usize::from(value & 31)).copied();
        text.push(char::from(letter.unwrap_or(b'A')));
    };
    for byte in bytes {
        held = (held << 8) | u16::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            put(held >> bits);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        put(held << (5 - bits));
    }
    text
}

/// A new recovery code, without separators.
pub(crate) fn recovery_code(rng: &mut impl Rng) -> Zeroizing<String> {
    let mut code = Zeroizing::new(String::with_capacity(RECOVERY_LENGTH));
    while code.len() < RECOVERY_LENGTH {
        // 240 = 8 * 30: bytes above it would favour the first letters.
        let [byte, ..] = rng.next_u32().to_le_bytes();
        if byte < 240
            && let Some(letter) = ALPHABET.get(usize::from(byte % 30))
        {
            code.push(char::from(*letter));
        }
    }
    code
}

/// The code in groups of four, to be written down.
pub(crate) fn grouped(code: &str) -> String {
    let mut text = String::with_capacity(RECOVERY_LENGTH + 2);
    for (at, letter) in code.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        text.push(letter);
    }
    text
}

fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                out.push(digit.to_ascii_uppercase());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const RFC: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// RFC 6238, appendix B: the last six of its eight digits.
    #[test]
    fn codes_of_rfc_6238() {
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = u64::try_from(second).unwrap() / 30;
            assert_eq!(*code_of(RFC, step), code, "{second}");
            assert_eq!(matching_step(RFC, code, at(second), 0), Some(step));
        }
    }

    #[test]
    fn one_step_on_either_side_and_none_twice() {
        let now = at(1_234_567_890);
        let present = 1_234_567_890 / 30;
        for (step, accepted) in [
            (present - 2, false),
            (present - 1, true),
            (present, true),
            (present + 1, true),
            (present + 2, false),
        ] {
            let code = code_of(RFC, step);
            let found = matching_step(RFC, &code, now, 0);
            assert_eq!(found, accepted.then_some(step));
            assert_eq!(matching_step(RFC, &code, now, step), None, "used up");
        }
        let before = code_of(RFC, present - 1);
        assert_eq!(matching_step(RFC, &before, now, present), None);
    }

    /// RFC 4648, section 10.
    #[test]
    fn base32_of_rfc_4648() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(*base32(plain.as_bytes()), text);
        }
    }

    #[test]
    fn the_address_names_issuer_and_login() {
        assert_eq!(
            *uri(RFC, "驾照", "a b"),
            "otpauth://totp/%E9%A9%BE%E7%85%A7:a%20b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=%E9%A9%BE%E7%85%A7&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn recovery_codes_are_read_as_people_copy_them() {
        let mut rng = StdRng::seed_from_u64(4);
        let code = recovery_code(&mut rng);
        assert_ne!(*code, *recovery_code(&mut rng));
        let shown = grouped(&code);
        assert_eq!(shown.len(), 14);
        for typed in [shown.clone(), shown.to_uppercase(), shown.replace('-', " ")] {
            assert_eq!(Given::read(Some(&typed)), Given::Recovery(code.clone()));
        }
        let six = Given::Code(Zeroizing::new("012345".to_owned()));
        assert_eq!(Given::read(Some("012 345")), six);
        for typed in [None, Some(""), Some("12345"), Some("1234567"), Some("１２")] {
            assert_eq!(Given::read(typed), Given::Nothing);
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(typed in ".{0,80}") {
            let given = Given::read(Some(&typed));
            if let Given::Code(code) = &given {
                prop_assert!(matching_step(RFC, code, at(0), u64::MAX).is_none());
            }
        }
    }
}
