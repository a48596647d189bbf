//! What a verification of the audit found.

use std::fmt;

use jiff::Timestamp;
use licence::Text;
use serde::Serialize;

/// The outcome of a verification of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// The first place that is not as it was written; none where the audit is whole.
    pub first: Option<AuditFinding>,
    /// Audit rows checked.
    pub rows: u64,
    /// How many of them lie in closed segments.
    pub archived: u64,
    /// Rows after what the newest checkpoint covers. Nothing but the chain vouches for them yet:
    /// whoever can write to the database could have cut or rewritten these.
    pub uncovered: u64,
    /// Checkpoints checked.
    pub checkpoints: u64,
    /// When the newest of them was made.
    pub newest_checkpoint_at: Option<Timestamp>,
    /// Lines of the witness that were compared.
    pub witnessed: u64,
    /// Signatures under credentials that rows tell of, counts and forms agreeing.
    pub signatures: u64,
}

/// The first place that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditFinding {
    /// What is wrong there.
    pub what: AuditFault,
    /// In which partition (0 to 256).
    pub partition: Option<u16>,
    /// At which row it shows.
    pub seq: Option<u64>,
    /// The newest row before it that a checkpoint vouches for. Where a chain was written anew, the
    /// first wrong row lies after this one and not after `seq`.
    pub since: Option<u64>,
    /// The checkpoint that shows it.
    pub checkpoint: Option<u64>,
    /// The line of the witness file.
    pub line: Option<u64>,
    /// The signing key whose signatures do not add up.
    pub key: Option<String>,
}

/// What is wrong at a place of the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditFault {
    /// The row is not the one that was written.
    Changed,
    /// A row is missing between others.
    Removed,
    /// The row that belongs here stands elsewhere.
    Reordered,
    /// The newest rows are missing.
    Cut,
    /// A row stands where none was written.
    Added,
    /// The partition's head is not its newest row.
    Head,
    /// A closed segment is not what the list of segments says.
    Segment,
    /// A checkpoint is not one, or not signed by a key of the trust list.
    CheckpointSignature,
    /// A checkpoint is missing.
    CheckpointMissing,
    /// A checkpoint does not follow the one before.
    CheckpointChain,
    /// A checkpoint does not add up to all heads.
    CheckpointHeads,
    /// The witness holds another checkpoint under this number.
    WitnessDiffers,
    /// A line of the witness is no checkpoint, not in order, or not signed.
    WitnessDamaged,
    /// A key's signatures as counted are not those that rows tell of.
    SignatureCount,
    /// A key's forms in the database are not those that rows tell of.
    SignedForms,
}

impl AuditFault {
    /// Its stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Reordered => "reordered",
            Self::Cut => "cut",
            Self::Added => "added",
            Self::Head => "head",
            Self::Segment => "segment",
            Self::CheckpointSignature => "checkpoint-signature",
            Self::CheckpointMissing => "checkpoint-missing",
            Self::CheckpointChain => "checkpoint-chain",
            Self::CheckpointHeads => "checkpoint-heads",
            Self::WitnessDiffers => "witness-differs",
            Self::WitnessDamaged => "witness-damaged",
            Self::SignatureCount => "signature-count",
            Self::SignedForms => "signed-forms",
        }
    }

    /// What it means.
    #[must_use]
    pub const fn text(self) -> Text {
        let (zh, en) = match self {
            Self::Changed => ("审计记录被改动", "a row was changed"),
            Self::Removed => ("审计记录被删除", "a row was removed"),
            Self::Reordered => ("审计记录顺序被调换", "rows were reordered"),
            Self::Cut => ("末尾审计记录被截去", "the newest rows were cut off"),
            Self::Added => ("出现未曾写入的审计记录", "a row was added"),
            Self::Head => (
                "分区链头与最新记录不符",
                "the partition's head is not its newest row",
            ),
            Self::Segment => (
                "归档段与登记不符",
                "a closed segment is not what the list of segments says",
            ),
            Self::CheckpointSignature => (
                "检查点签名无效",
                "a checkpoint is damaged or not signed by a trusted key",
            ),
            Self::CheckpointMissing => ("缺少检查点", "a checkpoint is missing"),
            Self::CheckpointChain => (
                "检查点与前一个不衔接",
                "a checkpoint does not follow the one before",
            ),
            Self::CheckpointHeads => (
                "检查点未覆盖全部链头",
                "a checkpoint does not add up to all heads",
            ),
            Self::WitnessDiffers => (
                "检查点与见证副本不一致",
                "the witness holds another checkpoint under this number",
            ),
            Self::WitnessDamaged => (
                "见证副本损坏",
                "a line of the witness is no signed checkpoint, or not in order",
            ),
            Self::SignatureCount => (
                "密钥签名计数与审计记录不符",
                "the signatures counted for a key are not those that the audit tells of",
            ),
            Self::SignedForms => (
                "凭证签名与审计记录不符",
                "the forms signed by a key are not those that the audit tells of",
            ),
        };
        Text { zh, en }
    }
}

impl AuditFinding {
    pub(super) fn new(what: AuditFault) -> Self {
        Self {
            what,
            partition: None,
            seq: None,
            since: None,
            checkpoint: None,
            line: None,
            key: None,
        }
    }

    pub(super) fn in_checkpoint(what: AuditFault, number: u64) -> Self {
        Self {
            checkpoint: Some(number),
            ..Self::new(what)
        }
    }
}

impl fmt::Display for AuditFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what.as_str())?;
        for (name, value) in [
            ("partition", self.partition.map(u64::from)),
            ("row", self.seq),
            ("since", self.since),
            ("checkpoint", self.checkpoint),
            ("line", self.line),
        ] {
            if let Some(value) = value {
                write!(f, " {name} {value}")?;
            }
        }
        if let Some(key) = &self.key {
            write!(f, " key {key}")?;
        }
        let Text { zh, en } = self.what.text();
        write!(f, ": {en} ({zh})")
    }
}
