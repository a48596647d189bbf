//! Sanctions (R75, R76): what officers propose and decide, and what the driver reads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ReasonView, RecordView, opaque};

/// `POST /review/applications/{id}/sanction`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeFromCase {
    /// Stable codes of the grounds, e.g. `composite-photo`.
    pub grounds: Vec<String>,
    /// What it rests on besides the application, its photo and its person checks.
    #[serde(default)]
    pub evidence: Vec<EvidenceView>,
    /// What happened, 1 to 2000 characters.
    pub statement: String,
}

/// `POST /admin/sanctions`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeSanction {
    /// 证号
    pub licence_number: String,
    /// Stable codes of the grounds, e.g. `impersonation`.
    pub grounds: Vec<String>,
    /// What it rests on; where nothing is named, the newest e-licence's application and photo.
    #[serde(default)]
    pub evidence: Vec<EvidenceView>,
    /// What happened, 1 to 2000 characters.
    pub statement: String,
}

/// An item of evidence; it must be the driver's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceView {
    /// What it is.
    pub kind: EvidenceKind,
    /// Its identifier.
    pub id: String,
}

/// What an item of evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// 申领
    Application,
    /// 照片
    Photo,
    /// 实人认证
    PersonCheck,
    /// 核验
    Verification,
}

/// `POST /admin/sanctions/{id}/decision` and `.../lift/decision`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideSanction {
    /// Which way.
    pub decision: SanctionDecision,
    /// Why, 1 to 2000 characters; needed to decline.
    pub statement: Option<String>,
}

/// The decision of the second officer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SanctionDecision {
    /// 同意
    Confirm,
    /// 不同意
    Decline,
}

/// `POST /admin/sanctions/{id}/lift` and `POST /holder/sanctions/{id}/appeal`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SanctionStatement {
    /// Why, 1 to 2000 characters.
    pub statement: String,
}

/// A sanction among those of an office; it names nobody.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SanctionRowView {
    /// Identifier.
    pub id: String,
    /// `proposed`, `declined`, `in-force`, `lift-proposed` or `lifted`.
    pub stage: String,
    /// Stable codes of the grounds.
    pub grounds: Vec<String>,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub proposed_at: Timestamp,
    /// Who confirmed or declined it.
    pub decided_by: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// Who would have it lifted.
    pub lift_by: Option<String>,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lift_at: Option<Timestamp>,
    /// Who lifted it.
    pub lifted_by: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lifted_at: Option<Timestamp>,
    /// Where the driver's appeal stands: `none`, `open`, `dismissed` or `granted`.
    pub appeal: String,
}

/// A sanction as an officer who decides sees it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SanctionView {
    /// The sanction.
    pub sanction: SanctionRowView,
    /// The driver's record.
    pub record: RecordView,
    /// Why, in words.
    pub grounds: Vec<ReasonView>,
    /// What it rests on; photos are at `/admin/sanctions/{id}/photos/{photo}`.
    pub evidence: Vec<EvidenceView>,
    /// The e-licence that it stopped.
    pub e_licence: Option<String>,
    /// Everything that happened, in order.
    pub steps: Vec<SanctionStepView>,
}

/// A step of a sanction.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SanctionStepView {
    /// `proposed`, `confirmed`, `declined`, `lift-proposed`, `lift-declined`, `lifted`, `appealed` or
    /// `exported`.
    pub step: String,
    /// Who: an officer, or the driver.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What was written.
    pub statement: Option<String>,
}

/// A sanction as the driver reads it: while it is in force, and after.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct HolderSanctionView {
    /// Identifier.
    pub id: String,
    /// `in-force` or `lifted`.
    pub stage: String,
    /// Why, with what stays possible.
    pub grounds: Vec<ReasonView>,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Until when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Whom to contact: the issuing authority.
    pub contact: String,
    /// Where the appeal stands: `none`, `open`, `dismissed` or `granted`.
    pub appeal: String,
    /// Whether an appeal can be made now.
    pub may_appeal: bool,
}

opaque!(
    ProposeFromCase,
    ProposeSanction,
    DecideSanction,
    SanctionStatement,
    SanctionView,
    SanctionStepView,
    HolderSanctionView,
);
