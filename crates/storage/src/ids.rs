//! Identifiers. Each carries its partition, so that a local constraint makes it globally unique.

use std::fmt;

use rand::Rng;
use serde::{Deserialize, Serialize};

/// One of 256 logical partitions by holder, or the one for acts of no holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u16);

impl Partition {
    /// How many partitions hold drivers.
    pub const HOLDERS: u16 = 256;
    /// The partition of acts of no holder: staff, keys, roll-out.
    pub const SYSTEM: Self = Self(256);

    /// The holders' partition with this number.
    #[must_use]
    pub fn of_holders(number: u8) -> Self {
        Self(u16::from(number))
    }

    /// All 257 partitions.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=Self::HOLDERS).map(Self)
    }

    /// Its number, 0 to 256.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    pub(crate) fn sql(self) -> i64 {
        i64::from(self.0)
    }

    /// Parses a number read from a column or a token.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        u16::try_from(number)
            .ok()
            .filter(|n| *n <= Self::HOLDERS)
            .map(Self)
    }
}

/// A string that is not an identifier of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of this kind")]
pub struct NotAnId;

const TAIL: usize = 29;

fn generate(prefix: &str, partition: Partition, rng: &mut impl Rng) -> String {
    let mut bytes = [0_u8; 15];
    rng.fill_bytes(&mut bytes);
    let tail: String = hex::encode(bytes).chars().take(TAIL).collect();
    format!("{prefix}_{:03x}{tail}", partition.0)
}

fn derived(prefix: &str, partition: Partition, hash: &[u8; 32]) -> String {
    let tail: String = hex::encode(hash).chars().take(TAIL).collect();
    format!("{prefix}_{:03x}{tail}", partition.0)
}

fn parse(prefix: &str, text: &str) -> Result<Partition, NotAnId> {
    let rest = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or(NotAnId)?;
    let lower_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if rest.len() != TAIL + 3 || !rest.chars().all(lower_hex) {
        return Err(NotAnId);
    }
    let (head, _) = rest.split_at_checked(3).ok_or(NotAnId)?;
    i64::from_str_radix(head, 16)
        .ok()
        .and_then(Partition::from_number)
        .ok_or(NotAnId)
}

fn to_bytes(text: &str) -> Option<[u8; 16]> {
    let (_, digits) = text.split_once('_')?;
    let mut bytes = [0; 16];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new identifier in `partition`.
            #[must_use]
            pub fn generate(partition: Partition, rng: &mut impl Rng) -> Self {
                Self(generate($prefix, partition, rng))
            }

            /// The one in `partition` that `hash` begins: whoever knows what was hashed finds it again.
            #[must_use]
            pub fn derived(partition: Partition, hash: &[u8; 32]) -> Self {
                Self(derived($prefix, partition, hash))
            }

            /// Reads an identifier.
            ///
            /// # Errors
            /// [`NotAnId`] when the text has another kind or shape.
            pub fn parse(text: &str) -> Result<Self, NotAnId> {
                parse($prefix, text).map(|_| Self(text.to_owned()))
            }

            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Its 16 bytes, as codes carry them: they hold the partition, but not the kind.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; 16] {
                // The text was checked when the identifier was made.
                to_bytes(&self.0).unwrap_or_default()
            }

            /// From 16 bytes that are said to be one of this kind.
            ///
            /// # Errors
            /// [`NotAnId`] when there is no such partition.
            pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, NotAnId> {
                Self::parse(&format!("{}_{}", $prefix, hex::encode(bytes)))
            }

            /// The partition it lies in.
            #[must_use]
            pub fn partition(&self) -> Partition {
                // The text was checked when the identifier was made.
                parse($prefix, &self.0).unwrap_or(Partition::SYSTEM)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )*};
}

ids! {
    /// A driver, for good: licence numbers are aliases of it.
    HolderId = "drv";
    /// An application (申领).
    ApplicationId = "app";
    /// An electronic licence (电子驾驶证).
    ELicenceId = "lic";
    /// A credential of an e-licence.
    CredentialId = "crd";
    /// A device binding.
    BindingId = "bnd";
    /// A device on which a driver signs in.
    DeviceId = "dev";
    /// A photo.
    PhotoId = "pho";
    /// A person check (实人认证).
    PersonCheckId = "chk";
    /// A consent to face processing.
    FaceConsentId = "fcs";
    /// A look-up by a verifier.
    VerificationId = "ver";
    /// A message in the holder's inbox.
    NotificationId = "msg";
    /// A text message that leaves the system.
    TextId = "txt";
    /// A browser that is told what the inbox says.
    PushSubscriptionId = "psh";
    /// An activation code's record.
    ActivationId = "act";
    /// A member of staff.
    StaffId = "stf";
    /// A driver registry that sends changes.
    SourceId = "src";
    /// A loan of review cases to another office (协办).
    LoanId = "lon";
    /// A trust list that is proposed.
    ProposalId = "tpr";
    /// A sanction (停止申领使用).
    SanctionId = "san";
    /// A step of a sanction.
    SanctionStepId = "sst";
}

impl HolderId {
    /// A new holder in a partition drawn at random.
    #[must_use]
    pub fn random(rng: &mut impl Rng) -> Self {
        let number = rng.next_u32().to_le_bytes();
        Self::generate(Partition::of_holders(number[0]), rng)
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn identifiers_carry_their_partition_and_kind() {
        let mut rng = StdRng::seed_from_u64(1);
        for partition in Partition::all() {
            let id = ApplicationId::generate(partition, &mut rng);
            assert_eq!(id.partition(), partition);
            assert_eq!(ApplicationId::parse(id.as_str()), Ok(id.clone()));
            assert_eq!(HolderId::parse(id.as_str()), Err(NotAnId));
            assert_eq!(ApplicationId::from_bytes(id.to_bytes()), Ok(id.clone()));
        }
    }

    #[test]
    fn bytes_of_no_partition_are_no_identifier() {
        assert_eq!(BindingId::from_bytes([0xff; 16]), Err(NotAnId));
        assert!(BindingId::from_bytes([0; 16]).is_ok());
    }

    #[test]
    fn malformed_identifiers_are_refused() {
        for text in [
            "",
            "drv_",
            "drv_10100000000000000000000000000000",
            "drv_0FF00000000000000000000000000000",
            "drv_000000000000000000000000000000000",
            "drv_00中00000000000000000000000000000",
        ] {
            assert_eq!(HolderId::parse(text), Err(NotAnId), "{text}");
        }
    }
}
