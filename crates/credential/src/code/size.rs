//! What fits a QR symbol.

use rand::CryptoRng;

use super::{Code, OfflineCode, PREFIX};
use crate::{
    key::KeyId,
    malformed::Malformed,
    profile::{Form, ProfileClaims, prepare},
    rest::{EnforcementKey, Rest, RestRefusal},
    signature::Signature,
    stamp::Stamp,
    suite::Suite,
    time::NumericDate,
};

/// Largest QR version of a dynamic code: 41 modules a side, read across a table.
pub const LARGEST_DYNAMIC: u8 = 6;
/// Largest QR version of an offline code without portrait.
pub const LARGEST_OFFLINE: u8 = 18;
/// Largest QR version of an offline code with portrait.
pub const LARGEST_WITH_PORTRAIT: u8 = 28;
/// Largest QR version of an enforcement code.
pub const LARGEST_ENFORCEMENT: u8 = 28;

/// Characters that versions 1 to 28 hold at level M in alphanumeric mode (ISO/IEC 18004).
const CAPACITY: [usize; 28] = [
    20, 38, 61, 90, 122, 154, 178, 221, 262, 311, 366, 419, 483, 528, 600, 656, 734, 816, 909, 970,
    1035, 1134, 1248, 1326, 1451, 1542, 1637, 1732,
];

/// The smallest QR version that holds so many alphanumeric characters at level M; none where it would
/// be larger than any code may be.
#[must_use]
pub fn qr_version(characters: usize) -> Option<u8> {
    let place = CAPACITY.partition_point(|capacity| *capacity < characters);
    let version = u8::try_from(place.saturating_add(1)).ok()?;
    (place < CAPACITY.len()).then_some(version)
}

/// The QR version of an offline code that carries a profile and a portrait of so many bytes; none where
/// it would be larger than any code may be.
#[must_use]
pub fn offline_version(profile: usize, portrait: Option<usize>) -> Option<u8> {
    qr_version(offline_code(profile, portrait).to_text().len())
}

/// The bytes that are left for a portrait beside a profile of so many.
#[must_use]
pub fn portrait_budget(profile: usize) -> usize {
    let characters = CAPACITY.last().copied().unwrap_or_default();
    let bytes = characters.saturating_sub(PREFIX.len()) / 3 * 2;
    let largest = bytes.saturating_sub(profile);
    // The one-byte head of a short portrait may grow by two: a few steps find the true length.
    (0..=largest)
        .rev()
        .find(|portrait| *portrait > 0 && offline_version(profile, Some(*portrait)).is_some())
        .unwrap_or_default()
}

/// The enforcement profile of the same credential. Where there is no room for the address it goes
/// first, and the profile says so.
///
/// # Errors
/// [`RestRefusal`], with [`Malformed::TooLarge`] where it does not fit even so.
pub fn enforcement(
    public: &ProfileClaims,
    rest: &Rest,
    to: &EnforcementKey,
    rng: &mut impl CryptoRng,
) -> Result<ProfileClaims, RestRefusal> {
    let mut with = |rest: &Rest, address_left_out| {
        let rest = rest.seal(&public.credential_id, to, rng)?;
        let form = Form::Enforcement {
            rest,
            address_left_out,
        };
        Ok::<_, RestRefusal>(ProfileClaims {
            form,
            ..public.clone()
        })
    };
    let whole = with(rest, false)?;
    if fits(&whole) {
        return Ok(whole);
    }
    let without_address = Rest {
        address: None,
        ..rest.clone()
    };
    let less = with(&without_address, rest.address.is_some())?;
    if fits(&less) {
        Ok(less)
    } else {
        Err(Malformed::TooLarge.into())
    }
}

/// Measured with the suite whose header is the longer.
fn fits(profile: &ProfileClaims) -> bool {
    let any = KeyId::from_bytes([0; 16]);
    prepare(profile, &Suite::sm2(), &any).is_ok_and(|prepared| {
        offline_version(prepared.length(), None)
            .is_some_and(|version| version <= LARGEST_ENFORCEMENT)
    })
}

/// A code of these lengths, whatever it says. Times take five bytes until the year 2106.
fn offline_code(profile: usize, portrait: Option<usize>) -> Code {
    let signature = Signature::from_raw([0; 64]);
    let time = NumericDate::LONGEST;
    Code::Offline(OfflineCode {
        profile: vec![0; profile],
        stamp: Stamp {
            key_id: KeyId::from_bytes([0; 16]),
            renewed_at: time,
            signature,
        },
        time,
        portrait: portrait.map(|length| vec![0; length]),
        signature,
    })
}
