//! Applying at a counter (R91).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::opaque;

/// How an officer established who the person is (R91).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityCheck {
    /// What was examined.
    pub method: IdentityMethod,
    /// A remark for the file, up to 200 characters.
    #[serde(default)]
    pub note: String,
}

/// What an officer examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityMethod {
    /// 居民身份证, read by machine and compared with the person.
    IdCardReader,
    /// 居民身份证, compared by eye.
    IdCard,
    /// 护照
    Passport,
    /// 港澳台居民居住证
    ResidencePermit,
    /// 外国人永久居留身份证
    PermanentResidentCard,
    /// 军官证、士兵证
    MilitaryId,
}

/// `POST /counter/applications`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CounterApply {
    /// 证号
    pub licence_number: String,
    /// How the officer established who the person is.
    pub identity: IdentityCheck,
    /// The photo taken at the counter: `data:image/jpeg;base64,...`, at most 2 MiB.
    pub photo: String,
}

opaque!(IdentityCheck, CounterApply);
