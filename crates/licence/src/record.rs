//! The registry's record of a driver, as everything here knows it.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::class::ClassCode;
use crate::identifier::{AuthorityCode, FileNumber, LicenceNumber, Sex};
use crate::registry_line::{FieldProblem, RegistryLine};
use crate::status::StatusLetter;

/// A registry record without its photo.
///
/// Reading one back from JSON applies the same rules as reading a registry line. Its `Debug` form
/// names the version only: everything else is personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Record {
    /// The registry's stable key of the driver; the licence number where it gives none.
    pub subject: String,
    /// 证号
    pub licence_number: LicenceNumber,
    /// Numbers that the same driver had before.
    pub previous_licence_numbers: Vec<LicenceNumber>,
    /// 档案编号
    pub file_number: Option<FileNumber>,
    /// Counts the paper licences: a replacement has a higher number.
    pub document_edition: u32,
    /// 姓名
    pub name: String,
    /// 性别
    pub sex: Sex,
    /// 国籍, ISO 3166-1 alpha-3.
    pub nationality: String,
    /// 出生日期
    pub birth_date: Date,
    /// 住址
    pub address: Option<String>,
    /// How the registry reaches the driver.
    pub contact: Option<Contact>,
    /// 初次领证日期
    pub first_issue_date: Date,
    /// 准驾车型, as granted.
    pub classes: Vec<ClassCode>,
    /// First day of validity.
    pub valid_from: Date,
    /// Last day of validity, or long-term.
    pub valid_until: ValidUntil,
    /// 发证机关
    pub issuing_authority: IssuingAuthority,
    /// 状态, in the registry's order.
    pub status: Vec<StatusLetter>,
    /// Last days of the extensions N, P, T.
    pub extension_until: Extensions,
    /// 累积记分
    pub points: u32,
    /// First day of the points cycle.
    pub points_cycle_start: Option<Date>,
    /// Last day for the medical check.
    pub medical_due: Option<Date>,
    /// Last day for the licence review.
    pub review_due: Option<Date>,
    /// 扣留
    pub withheld: bool,
    /// 公告停止使用
    pub out_of_use: bool,
    /// The driver must wear a hearing aid.
    pub hearing_aid: bool,
    /// 记录
    pub remarks: Vec<Remark>,
    /// When the photo on file was taken.
    pub photo_taken_on: Option<Date>,
    /// The registry's version of this record, from 1.
    pub version: i64,
}

/// How the registry reaches the driver.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// Digits, with a leading `+` or without.
    pub phone: String,
    /// When the registry verified the number.
    pub verified_at: Option<Timestamp>,
}

/// The last day of validity (有效期限).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValidUntil {
    /// The last day on which the licence is valid.
    Date(Date),
    /// 长期
    LongTerm,
}

impl ValidUntil {
    /// The date, unless long-term.
    #[must_use]
    pub const fn date(self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(date),
            Self::LongTerm => None,
        }
    }
}

/// The issuing authority (发证机关).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct IssuingAuthority {
    /// Its prefecture code.
    pub code: AuthorityCode,
    /// Its name.
    pub name: String,
}

/// The last days of the extensions, as far as the registry gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Extensions {
    /// Letter N, 延期换证.
    #[serde(rename = "N", skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Date>,
    /// Letter P, 延期体检.
    #[serde(rename = "P", skip_serializing_if = "Option::is_none")]
    pub medical: Option<Date>,
    /// Letter T, 延期审验.
    #[serde(rename = "T", skip_serializing_if = "Option::is_none")]
    pub review: Option<Date>,
}

/// A line of the record on the sub page (记录).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// When it was made.
    pub date: Date,
    /// What it says.
    pub text: String,
}

/// Where the photo of a registry line is.
#[derive(Clone, PartialEq, Eq)]
pub enum PhotoSource {
    /// A path, absolute or beside the file. It never climbs out by `..`.
    Path(String),
    /// The photo itself.
    DataUrl {
        /// What the registry says it is; the bytes decide.
        media: PhotoMedia,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

crate::named::named! {
    /// The image types that a registry line may carry.
    pub enum PhotoMedia {
        /// JPEG
        Jpeg = "image/jpeg",
        /// PNG
        Png = "image/png",
        /// WebP
        Webp = "image/webp",
    }
}

/// A stored record that breaks the rules of registry lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a record: {}", .0.iter().map(|problem| format!("{} ({})", problem.field, problem.code)).collect::<Vec<_>>().join(", "))]
pub struct RecordError(pub Vec<FieldProblem>);

impl TryFrom<Value> for Record {
    type Error = RecordError;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        RegistryLine::from_value(value)
            .map(|line| line.record)
            .map_err(RecordError)
    }
}

impl Serialize for ValidUntil {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Date(date) => date.serialize(serializer),
            Self::LongTerm => serializer.serialize_str(LONG_TERM),
        }
    }
}

/// How `valid_until` says 长期.
pub(crate) const LONG_TERM: &str = "long-term";

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").finish_non_exhaustive()
    }
}

impl fmt::Debug for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remark").finish_non_exhaustive()
    }
}

impl fmt::Debug for PhotoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path(_) => "PhotoSource::Path(..)",
            Self::DataUrl { .. } => "PhotoSource::DataUrl(..)",
        })
    }
}
