//! Verification: the question and the separate facts of the answer.

use jiff::{Timestamp, civil::Date};
use licence::ClassCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ReasonView;
use super::holder::StatusView;
use super::opaque;

/// `POST /verifications`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The code shown: 18 digits, or the text of a code that begins with `JZ1:`.
    pub code: String,
    /// What for.
    pub purpose: Purpose,
    /// Whether this class may be driven.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub class: Option<ClassCode>,
    /// On which day; today by default.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub on: Option<Date>,
    /// The measure at hand (R81).
    #[serde(default)]
    pub measure: Option<Measure>,
}

/// What a verification is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// 路面执法 (R78, R79)
    Enforcement,
    /// 处理违法 (R80)
    Violation,
    /// 处理事故 (R80)
    Accident,
    /// 车辆管理业务 (R80)
    VehicleService,
    /// 驾驶人管理业务 (R80)
    DriverService,
}

/// A measure that an officer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// None that touches the licence.
    None,
    /// 扣留驾驶证 (R81)
    WithholdLicence,
}

/// The answer: separate facts, never one boolean.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VerificationView {
    /// Identifier.
    pub id: String,
    /// When it was answered.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `numeric`, `dynamic` or `offline`.
    #[serde(default = "numeric")]
    pub code_kind: String,
    /// How well the device that showed it keeps its key: `software`, `passkey` or `attested`; none for
    /// a numeric code, which any device can show.
    #[serde(default)]
    pub assurance: Option<String>,
    /// Whether the authority made it (R12, R13).
    pub authentic: AuthenticFact,
    /// Whether it was shown now.
    pub fresh: FreshFact,
    /// The e-licence itself.
    pub e_licence: ELicenceFact,
    /// The licence's status now (R10).
    pub status: StatusView,
    /// Whether the class may be driven on the day asked.
    pub entitled: Option<EntitledFact>,
    /// Whether the person was compared.
    pub person: PersonFact,
    /// Whether the paper licence must be produced (R78, R81).
    pub paper: PaperFact,
    /// What the role may see.
    pub licence: VerifiedLicence,
}

/// What older answers are about, which do not say it.
fn numeric() -> String {
    "numeric".to_owned()
}

/// Authenticity.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuthenticFact {
    /// `yes`, `no` or `could-not-check`.
    pub outcome: String,
    /// Suite of the signature that was checked.
    pub suite: Option<String>,
    /// The signing key.
    pub key_id: Option<String>,
    /// Who signed.
    pub issuer: Option<String>,
    /// What is wrong.
    pub reasons: Vec<ReasonView>,
}

/// Freshness.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FreshFact {
    /// `yes`: a code counts once, within its seconds; one that does not is refused.
    pub outcome: String,
    /// When the code was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
}

/// The e-licence.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ELicenceFact {
    /// Identifier.
    pub id: String,
    /// `active`, `stopped`, `superseded` or `revoked`.
    pub stage: String,
    /// What that means for the driver.
    pub reasons: Vec<ReasonView>,
}

/// Entitlement.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntitledFact {
    /// The class asked for.
    pub class: String,
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub on: Date,
    /// `yes` or `no`.
    pub outcome: String,
    /// Why not.
    pub reasons: Vec<ReasonView>,
}

/// The person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonFact {
    /// `not-compared`: the verifier compares face and portrait.
    pub outcome: String,
    /// Path of the portrait to compare with.
    pub portrait: Option<String>,
}

/// Paper.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PaperFact {
    /// Whether it must be produced.
    pub required: bool,
    /// Why.
    pub reason: Option<ReasonView>,
}

/// What the role may see of the licence.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct VerifiedLicence {
    /// 证号
    pub licence_number: String,
    /// 姓名
    pub name: String,
    /// 性别
    pub sex: String,
    /// 出生日期
    #[schema(value_type = String, format = Date)]
    pub birth_date: Date,
    /// 准驾车型
    pub classes: Vec<String>,
    /// 有效期限, from
    #[schema(value_type = String, format = Date)]
    pub valid_from: Date,
    /// 有效期限, to
    pub valid_until: String,
    /// 发证机关
    pub issuing_authority: String,
    /// 档案编号
    pub file_number: Option<String>,
    /// 累积记分; police only.
    pub points: Option<u32>,
    /// 住址; police only.
    pub address: Option<String>,
}

/// What can be said of a code while the records cannot be reached (`known` of a problem): what the code
/// itself carries, and the status as it was last known. It is no verification: nothing is recorded,
/// and a code may have been used or ended since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownView {
    /// `numeric`, `dynamic`, `offline`, or `unknown` for what is no code.
    pub code_kind: String,
    /// `yes`, `no`, or `could-not-check` for a code that carries nothing.
    pub authentic: String,
    /// `yes`, `no`, or `could-not-check`.
    pub fresh: String,
    /// `valid`, `invalid`, `suspended` or `unknown`.
    pub status: String,
    /// When that was known: the records were reached last.
    #[schema(value_type = String, format = DateTime)]
    pub status_as_of: Timestamp,
    /// What the code itself says of the licence, where it is authentic.
    pub licence: Option<KnownLicence>,
    /// What is wrong with the code.
    pub reasons: Vec<ReasonView>,
}

/// What an offline code says of a licence.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnownLicence {
    /// 姓名
    pub name: String,
    /// 证号, its middle hidden
    pub masked_number: String,
    /// 准驾车型
    pub classes: Vec<String>,
    /// 有效期限, from
    #[schema(value_type = String, format = Date)]
    pub valid_from: Date,
    /// 有效期限, to
    pub valid_until: String,
    /// Code of the 发证机关
    pub authority_code: String,
}

opaque!(Verify, VerifiedLicence, KnownLicence);
