//! SM2 (GB/T 32918, GM/T 0003): the curve of part 5, the equation of part 2.

use std::{cell::Cell, thread::LocalKey};

use sm3::{Digest as _, Sm3};

use crate::{
    batch::Room,
    curve::{Case, Curve, Message, Multiples},
    digest::{digests_of_sm3, digests_of_sm3_scalar},
    key::{BadKey, KnownKey, Upkeep, coordinates},
    keys::{Keyed, Member},
    modulus::{Modulus, bytes, number, sub4},
    scalar::Scalar,
    signature::Signature,
    slot::Slot,
    table::Width,
};

/// The user id that stands where a deployment has agreed on none: GM/T 0009-2012, clause 10.
pub const DEFAULT_USER_ID: &[u8] = b"1234567812345678";

/// SM2 with SM3 and a user id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sm2;

static GENERATOR: Slot<Sm2> = Slot::new();

thread_local! {
    static ROOM: Cell<Room<Sm2>> = Cell::default();
}

impl Curve for Sm2 {
    /// 2^256 - 2^224 - 2^96 + 2^64 - 1.
    const FIELD: Modulus = Modulus::of([
        0xffff_fffe_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0xffff_ffff_0000_0000,
        0xffff_ffff_ffff_ffff,
    ]);
    const ORDER: Modulus = Modulus::of([
        0xffff_fffe_ffff_ffff,
        0xffff_ffff_ffff_ffff,
        0x7203_df6b_21c6_052b,
        0x53bb_f409_39d5_4123,
    ]);
    const B: [u64; 4] = number([
        0x28e9_fa9e_9d9f_5e34,
        0x4d5a_9e4b_cf65_09a7,
        0xf397_89f5_15ab_8f92,
        0xddbc_bd41_4d94_0e93,
    ]);
    const GENERATOR: [[u64; 4]; 2] = [
        number([
            0x32c4_ae2c_1f19_8119,
            0x5f99_0446_6a39_c994,
            0x8fe3_0bbf_f266_0be1,
            0x715a_4589_334c_74c7,
        ]),
        number([
            0xbc37_36a2_f4f6_779c,
            0x59bd_cee3_6b69_2153,
            0xd0a9_877c_c62a_4740,
            0x02df_32e5_2139_f0a0,
        ]),
    ];
    const LIMBS_52: [i64; 5] = [-1, (1 << 12) - (1 << 44), 0, 0, (1 << 48) - (1 << 16)];

    /// word * (2^192 - 2^160 - 2^32 + 1).
    #[inline]
    fn by_p_plus_1(word: u64) -> [u64; 4] {
        let (left, right) = (word << 32, word >> 32);
        let (d0, b) = word.borrowing_sub(left, false);
        let (d1, b) = 0_u64.borrowing_sub(right, b);
        let (d2, b) = 0_u64.borrowing_sub(left, b);
        let (d3, _) = word.borrowing_sub(right, b);
        [d0, d1, d2, d3]
    }

    fn generator() -> &'static Slot<Self> {
        &GENERATOR
    }

    fn room() -> &'static LocalKey<Cell<Room<Self>>> {
        &ROOM
    }

    /// SM3(Z || message): Z is the identifier of a key.
    fn digest(za: &[u8; 32], message: &[u8]) -> [u8; 32] {
        let hash = Sm3::new().chain_update(za).chain_update(message);
        hash.finalize().into()
    }

    fn digests(messages: &[Message<'_>]) -> Vec<[u8; 32]> {
        digests_of_sm3(messages)
    }

    fn digests_scalar(messages: &[Message<'_>]) -> Vec<[u8; 32]> {
        digests_of_sm3_scalar(messages)
    }

    /// s and r + s, which must not be n.
    fn multiples(case: &Case<'_, Self>) -> Option<Multiples<Self>> {
        let Signature { r, s } = *case.signature;
        let t = r.add(s);
        (!t.is_zero()).then_some(Multiples {
            of_generator: s,
            of_key: t,
        })
    }

    /// r - e.
    fn expected_x(case: &Case<'_, Self>) -> Scalar<Self> {
        case.signature.r.sub(Scalar::reduced(case.digest))
    }
}

impl KnownKey<Sm2> {
    /// From the point of SEC 1 (04 || x || y, or x || y) and the user id.
    ///
    /// # Errors
    /// [`BadKey`]. The point at infinity has no such encoding.
    pub fn new(point: &[u8], user_id: &[u8], width: Width) -> Result<Self, BadKey> {
        Self::of_user(point, user_id, Upkeep::Own(width))
    }

    pub(crate) fn shared(point: &[u8], user_id: &[u8], member: Member) -> Result<Self, BadKey> {
        Self::of_user(point, user_id, Upkeep::Shared(member))
    }

    fn of_user(point: &[u8], user_id: &[u8], upkeep: Upkeep) -> Result<Self, BadKey> {
        let (x, y) = coordinates(point).ok_or(BadKey::Encoding)?;
        let za = za(user_id, x, y).ok_or(BadKey::UserId)?;
        Self::checked(x, y, za, upkeep)
    }

    /// Z of the key and its user id (GB/T 32918.2, clause 5.5).
    #[must_use]
    pub fn za(&self) -> &[u8; 32] {
        Keyed::id(self)
    }
}

/// SM3 over the length of the user id in bits, the user id, a, b, the generator, and the key.
fn za(user_id: &[u8], x: &[u8; 32], y: &[u8; 32]) -> Option<[u8; 32]> {
    let bits = u16::try_from(user_id.len().checked_mul(8)?).ok()?;
    let (a, _) = sub4(Sm2::FIELD.m, [3, 0, 0, 0]);
    let [x_of_generator, y_of_generator] = Sm2::GENERATOR.map(bytes);
    let hash = Sm3::new()
        .chain_update(bits.to_be_bytes())
        .chain_update(user_id)
        .chain_update(bytes(a))
        .chain_update(bytes(Sm2::B))
        .chain_update(x_of_generator)
        .chain_update(y_of_generator)
        .chain_update(x)
        .chain_update(y);
    Some(hash.finalize().into())
}
