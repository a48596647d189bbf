//! A checkpoint (审计检查点): what the newest row of every partition was, signed, and chained to
//! the checkpoint before.
//!
//! As text it is one JSON object on one line. What is signed is not the text but the bytes of
//! [`Checkpoint::message`], so that its spelling proves nothing.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use credential::{KeyId, Signature};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::{AuditHead, Partition};

/// Begins every message that is signed here. The same keys sign licences and trust lists, whose
/// messages are CBOR arrays: none of them begins with this text, so that a signature of one kind
/// is never one of the other.
const DOMAIN: &[u8] = b"jiazhao-audit-checkpoint/1\n";
const FORMAT: &str = "jiazhao-audit-checkpoint/1";

pub(super) type Hash = [u8; 32];

/// The newest row of a partition: number and chain hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) partition: Partition,
    pub(super) seq: u64,
    pub(super) hash: Hash,
}

/// The heads that are not empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads(BTreeMap<Partition, Head>);

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) number: u64,
    pub(super) at: Timestamp,
    /// [`Checkpoint::hash`] of the one before; zeros in the first.
    pub(super) previous: Hash,
    /// The heads that moved since the one before.
    pub(super) heads: Vec<Head>,
    /// [`Heads::digest`] of all of them.
    pub(super) all: Hash,
    pub(super) key_id: KeyId,
}

/// A checkpoint with its signature, which nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) statement: Statement,
    pub(super) signature: Signature,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    number: u64,
    at: Timestamp,
    previous: String,
    heads: Vec<(u16, u64, String)>,
    all: String,
    key_id: KeyId,
    signature: String,
}

impl Head {
    /// A head as stored; none where its hash has another length.
    pub(super) fn of(head: &AuditHead) -> Option<Self> {
        Some(Self {
            partition: head.partition,
            seq: head.seq,
            hash: head.hash.as_slice().try_into().ok()?,
        })
    }

    pub(super) fn stored(&self) -> AuditHead {
        AuditHead {
            partition: self.partition,
            seq: self.seq,
            hash: self.hash.to_vec(),
        }
    }
}

impl Heads {
    pub(super) fn of(heads: impl IntoIterator<Item = Head>) -> Self {
        let mut all = Self::default();
        for head in heads {
            all.set(head);
        }
        all
    }

    /// The head of `partition`; that of an empty one where nothing was set.
    pub(super) fn get(&self, partition: Partition) -> Head {
        self.0.get(&partition).copied().unwrap_or(Head {
            partition,
            seq: 0,
            hash: [0; 32],
        })
    }

    pub(super) fn set(&mut self, head: Head) {
        self.0.insert(head.partition, head);
    }

    /// SHA-256 over number and hash of all 257 heads, in the order of the partitions.
    pub(super) fn digest(&self) -> Hash {
        let mut bytes = Vec::with_capacity(257 * 40);
        for partition in Partition::all() {
            let head = self.get(partition);
            bytes.extend_from_slice(&head.seq.to_be_bytes());
            bytes.extend_from_slice(&head.hash);
        }
        sha256(&bytes)
    }
}

impl Statement {
    /// The bytes that are signed: all parts but the heads have a fixed length.
    pub(super) fn message(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.at.as_microsecond().to_be_bytes());
        bytes.extend_from_slice(&self.previous);
        bytes.extend_from_slice(&self.all);
        bytes.extend_from_slice(self.key_id.as_bytes());
        for head in &self.heads {
            bytes.extend_from_slice(&head.partition.number().to_be_bytes());
            bytes.extend_from_slice(&head.seq.to_be_bytes());
            bytes.extend_from_slice(&head.hash);
        }
        bytes
    }
}

impl Checkpoint {
    /// What the next one is chained to.
    pub(super) fn hash(&self) -> Hash {
        let mut bytes = self.statement.message();
        bytes.extend_from_slice(self.signature.as_raw());
        sha256(&bytes)
    }

    /// One line, without its end.
    pub(super) fn to_json(&self) -> String {
        let Statement {
            number,
            at,
            previous,
            heads,
            all,
            key_id,
        } = &self.statement;
        let document = Document {
            format: FORMAT.to_owned(),
            number: *number,
            at: *at,
            previous: hex::encode(previous),
            heads: heads
                .iter()
                .map(|head| (head.partition.number(), head.seq, hex::encode(head.hash)))
                .collect(),
            all: hex::encode(all),
            key_id: *key_id,
            signature: hex::encode(self.signature.as_raw()),
        };
        // Strings, numbers and lists only: serialising them cannot fail.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// Reads a line; none where it is not one of these.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let document: Document = serde_json::from_str(text).ok()?;
        if document.format != FORMAT {
            return None;
        }
        let heads = document.heads.into_iter().map(|(partition, seq, hash)| {
            Some(Head {
                partition: Partition::from_number(partition.into())?,
                seq,
                hash: unhex(&hash)?,
            })
        });
        Some(Self {
            statement: Statement {
                number: document.number,
                at: document.at,
                previous: unhex(&document.previous)?,
                heads: heads.collect::<Option<_>>()?,
                all: unhex(&document.all)?,
                key_id: document.key_id,
            },
            signature: Signature::from_raw(unhex(&document.signature)?),
        })
    }
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

fn sha256(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Checkpoint {
        let head = |number, seq| Head {
            partition: Partition::from_number(number).unwrap(),
            seq,
            hash: [7; 32],
        };
        Checkpoint {
            statement: Statement {
                number: 3,
                at: "2024-09-02T04:00:00.000001Z".parse().unwrap(),
                previous: [1; 32],
                heads: vec![head(0, 5), head(256, u64::MAX)],
                all: [2; 32],
                key_id: KeyId::from_bytes([9; 16]),
            },
            signature: Signature::from_raw([8; 64]),
        }
    }

    #[test]
    fn sc_62_a_checkpoint_comes_back_from_its_line() {
        let line = sample().to_json();
        assert!(!line.contains('\n'));
        assert_eq!(Checkpoint::parse(&line), Some(sample()));
    }

    #[test]
    fn sc_62_what_is_no_checkpoint_is_refused() {
        let line = sample().to_json();
        for (from, to) in [
            ("checkpoint/1", "checkpoint/2"),
            ("[256,", "[257,"),
            ("\"number\"", "\"more\":1,\"number\""),
            ("0707\"", "07\""),
            ("\"number\":3", "\"number\":-3"),
        ] {
            assert!(line.contains(from), "{from}");
            assert_eq!(Checkpoint::parse(&line.replacen(from, to, 1)), None, "{to}");
        }
    }

    #[test]
    fn sc_62_everything_that_a_checkpoint_says_is_signed() {
        let message = sample().statement.message();
        let changes: [fn(&mut Statement); 8] = [
            |statement| statement.number += 1,
            |statement| statement.at = Timestamp::UNIX_EPOCH,
            |statement| statement.previous[31] ^= 1,
            |statement| statement.all[31] ^= 1,
            |statement| statement.key_id = KeyId::from_bytes([8; 16]),
            |statement| statement.heads[0].seq += 1,
            |statement| statement.heads[1].hash[0] ^= 1,
            |statement| statement.heads.truncate(1),
        ];
        for change in changes {
            let mut other = sample();
            change(&mut other.statement);
            assert_ne!(other.statement.message(), message, "{other:?}");
            assert_ne!(other.hash(), sample().hash());
        }
        let mut other = sample();
        other.signature = Signature::from_raw([9; 64]);
        assert_ne!(other.hash(), sample().hash());
    }

    #[test]
    fn sc_62_the_digest_covers_every_partition() {
        let empty = Heads::default().digest();
        for partition in Partition::all() {
            let mut heads = Heads::default();
            heads.set(Head {
                partition,
                seq: 1,
                hash: [0; 32],
            });
            assert_ne!(heads.digest(), empty);
        }
    }
}
