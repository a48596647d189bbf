//! Passwords made by the machine, to be read by people.

use rand::Rng;
use zeroize::Zeroizing;

/// Without i, l, o, u, 0 and 1, which people confuse.
const ALPHABET: &[u8; 30] = b"23456789abcdefghjkmnpqrstvwxyz";

/// A random password of three groups of four, 58 bits.
#[must_use]
pub fn generate(rng: &mut impl Rng) -> Zeroizing<String> {
    let mut password = Zeroizing::new(String::with_capacity(14));
    while password.len() < 14 {
        if password.len() % 5 == 4 {
            password.push('-');
            continue;
        }
        // 240 = 8 * 30: bytes above it would favour the first letters.
        let [byte, ..] = rng.next_u32().to_le_bytes();
        if byte < 240
            && let Some(letter) = ALPHABET.get(usize::from(byte % 30))
        {
            password.push(char::from(*letter));
        }
    }
    password
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn passwords_differ_and_are_three_groups() {
        let mut rng = StdRng::seed_from_u64(3);
        let (one, two) = (generate(&mut rng), generate(&mut rng));
        assert_ne!(*one, *two);
        let groups: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(groups, [4, 4, 4]);
    }
}
