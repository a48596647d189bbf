//! ES256: ECDSA (FIPS 186-5, clause 6.4) on P-256 (SP 800-186, clause 3.2.1.3) with SHA-256, as JOSE and COSE
//! name it.
//!
//! Of a signature (r, s) and (r, n - s) both hold or neither does, here as in other libraries. Whoever has to
//! know one form from the other asks for the smaller s himself.

use std::{cell::Cell, thread::LocalKey};

use sha2::{Digest as _, Sha256};

use crate::{
    batch::Room,
    curve::{Case, Curve, Multiples},
    key::{BadKey, KnownKey, Upkeep, coordinates},
    keys::Member,
    modulus::{Modulus, number},
    scalar::{Scalar, invert_all},
    slot::Slot,
    table::Width,
};

/// ECDSA on P-256 with SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Es256;

static GENERATOR: Slot<Es256> = Slot::new();

thread_local! {
    static ROOM: Cell<Room<Es256>> = Cell::default();
}

impl Curve for Es256 {
    /// 2^256 - 2^224 + 2^192 + 2^96 - 1.
    const FIELD: Modulus = Modulus::of([
        0xffff_ffff_0000_0001,
        0x0000_0000_0000_0000,
        0x0000_0000_ffff_ffff,
        0xffff_ffff_ffff_ffff,
    ]);
    const ORDER: Modulus = Modulus::of([
        0xffff_ffff_0000_0000,
        0xffff_ffff_ffff_ffff,
        0xbce6_faad_a717_9e84,
        0xf3b9_cac2_fc63_2551,
    ]);
    const B: [u64; 4] = number([
        0x5ac6_35d8_aa3a_93e7,
        0xb3eb_bd55_7698_86bc,
        0x651d_06b0_cc53_b0f6,
        0x3bce_3c3e_27d2_604b,
    ]);
    const GENERATOR: [[u64; 4]; 2] = [
        number([
            0x6b17_d1f2_e12c_4247,
            0xf8bc_e6e5_63a4_40f2,
            0x7703_7d81_2deb_33a0,
            0xf4a1_3945_d898_c296,
        ]),
        number([
            0x4fe3_42e2_fe1a_7f9b,
            0x8ee7_eb4a_7c0f_9e16,
            0x2bce_3357_6b31_5ece,
            0xcbb6_4068_37bf_51f5,
        ]),
    ];
    const LIMBS_52: [i64; 5] = [-1, 1 << 44, 0, 1 << 36, (1 << 48) - (1 << 16)];

    /// word * (2^192 - 2^160 + 2^128 + 2^32).
    #[inline]
    fn by_p_plus_1(word: u64) -> [u64; 4] {
        let (left, right) = (word << 32, word >> 32);
        let (d2, b) = word.borrowing_sub(left, false);
        let (d3, _) = word.borrowing_sub(right, b);
        [left, right, d2, d3]
    }

    fn generator() -> &'static Slot<Self> {
        &GENERATOR
    }

    fn room() -> &'static LocalKey<Cell<Room<Self>>> {
        &ROOM
    }

    fn digest(_id: &[u8; 32], message: &[u8]) -> [u8; 32] {
        Sha256::digest(message).into()
    }

    fn multiples(case: &Case<'_, Self>) -> Option<Multiples<Self>> {
        Self::multiples_of_all(&[*case]).pop().flatten()
    }

    /// e / s and r / s, with one inversion modulo n for all.
    fn multiples_of_all(cases: &[Case<'_, Self>]) -> Vec<Option<Multiples<Self>>> {
        let inverses = invert_all(cases.iter().map(|case| case.signature.s));
        let multiples = |(case, inverse): (&Case<'_, Self>, _)| {
            Some(Multiples {
                of_generator: Scalar::reduced(case.digest).times(inverse),
                of_key: case.signature.r.times(inverse),
            })
        };
        cases.iter().zip(inverses).map(multiples).collect()
    }

    /// r.
    fn expected_x(case: &Case<'_, Self>) -> Scalar<Self> {
        case.signature.r
    }
}

impl KnownKey<Es256> {
    /// From the point of SEC 1 (04 || x || y, or x || y).
    ///
    /// # Errors
    /// [`BadKey`]. The point at infinity has no such encoding.
    pub fn es256(point: &[u8], width: Width) -> Result<Self, BadKey> {
        Self::of_point(point, Upkeep::Own(width))
    }

    pub(crate) fn es256_shared(point: &[u8], member: Member) -> Result<Self, BadKey> {
        Self::of_point(point, Upkeep::Shared(member))
    }

    fn of_point(point: &[u8], upkeep: Upkeep) -> Result<Self, BadKey> {
        let (x, y) = coordinates(point).ok_or(BadKey::Encoding)?;
        let id = Sha256::new().chain_update(x).chain_update(y).finalize();
        Self::checked(x, y, id.into(), upkeep)
    }
}
