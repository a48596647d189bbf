//! Applications, the review queue, and the reviewer's decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ReasonView;
use super::applying::{FindingView, PersonCheckView};
use super::counter::IdentityCheck;
use super::holder::RecordView;

/// An application.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ApplicationView {
    /// Identifier.
    pub id: String,
    /// `first`, `photo-change` or `reapplication`.
    pub kind: String,
    /// `app` or `counter`.
    pub channel: String,
    /// `on-file`, `camera`, `album` or `counter`.
    pub photo_source: String,
    /// Stage, see the state diagram.
    pub stage: String,
    /// When it was submitted.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub submitted_at: Option<Timestamp>,
    /// By when it is reviewed; absent while the working calendar is missing (`pending_calendar`).
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// Whether the due time waits for the working calendar.
    pub pending_calendar: bool,
    /// When it was decided.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// Why it was rejected.
    pub reasons: Vec<ReasonView>,
    /// What was issued.
    pub e_licence: Option<String>,
    /// To the applicant only: how far they are and what comes next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<ProgressView>,
}

/// How far an applicant is, and what comes next.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProgressView {
    /// What may be done next, by stable codes, the first of them what leads on: `read-rules`,
    /// `submit-photo`, `confirm`, `give-consent`, `person-check`, `submit`, `wait`, `withdraw`,
    /// `take-again`, `apply-again`, `go-to-counter`, `open-licence`.
    pub next: Vec<String>,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Its photo, as `confirmation` names it: `GET .../photo`.
    pub photo: Option<String>,
    /// Whether the photo rules were read.
    pub rules_read: bool,
    /// Whether information and photo are confirmed.
    pub confirmed: bool,
    /// What was found about the photo.
    pub findings: Vec<FindingView>,
    /// Whether the applicant declared when the photo was taken (R71).
    pub declared: bool,
    /// The last person check.
    pub person_check: Option<PersonCheckView>,
    /// How many person checks are left today.
    pub person_checks_left: u64,
    /// Applications in the app that were rejected in review since the last e-licence (R91).
    pub rejections: usize,
}

/// A case in the review queue.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CaseView {
    /// The application.
    pub application: String,
    /// The office.
    pub office: String,
    /// When it was submitted.
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// By when it is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// Whether it is late.
    pub overdue: bool,
    /// Who holds it now.
    pub claimed_by: Option<String>,
    /// Until when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lease_until: Option<Timestamp>,
}

/// What a reviewer sees of a claimed case: record, photo on file and new photo side by side.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReviewView {
    /// The application.
    pub application: ApplicationView,
    /// The record.
    pub record: RecordView,
    /// How identity was established at the counter.
    pub identity: Option<IdentityCheck>,
    /// Whether there is a photo on file: `GET .../photo-on-file`.
    pub has_photo_on_file: bool,
    /// Reasons that block the issue as things stand.
    pub blocking: Vec<ReasonView>,
    /// Oddities of the record.
    pub notes: Vec<ReasonView>,
}

/// `POST /review/applications/{id}/decision`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// Which way.
    pub decision: DecisionView,
    /// On rejection: photo rules (`R56` to `R74`) that were not met, or `identity`.
    #[serde(default)]
    pub reasons: Vec<String>,
}

/// A reviewer's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DecisionView {
    /// 通过
    Approve,
    /// 退回
    Reject,
}
