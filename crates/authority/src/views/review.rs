//! Applications, the review queue, and the reviewer's decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::applying::{FindingView, PersonCheckView};
use super::counter::IdentityCheck;
use super::holder::RecordView;
use super::{ReasonView, opaque};

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
    /// Until when its rejection can be appealed: `POST .../appeal`; absent where there is no appeal.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub appeal_until: Option<Timestamp>,
    /// Whether it was appealed (申诉).
    pub appealed: bool,
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
    /// `take-again`, `apply-again`, `appeal`, `go-to-counter`, `open-licence`.
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
    /// `application`, `appeal`, `sample` (of an automatic issue) or `objection` (to a sample).
    pub kind: String,
    /// The issuing authority whose case it is.
    pub office: String,
    /// Whether it is another office's, lent to the reviewer's (协办).
    pub lent: bool,
    /// When it was submitted.
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// By when it is due; absent while the working calendar is missing.
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

/// How the queue of the reviewer's office stands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct QueueSummaryView {
    /// The issuing authority.
    pub office: String,
    /// Open cases.
    pub open: u64,
    /// Of them, those that nobody holds.
    pub waiting: u64,
    /// Of them, those that are late.
    pub overdue: u64,
    /// Of them, those whose due time waits for the working calendar.
    pub pending_calendar: u64,
    /// The cases that the reviewer holds, other offices' among them.
    pub in_hand: Vec<CaseView>,
    /// Other offices whose cases the reviewer may take now.
    pub lent: Vec<LentView>,
}

/// An office whose cases another may take (协办).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LentView {
    /// The loan.
    pub loan: String,
    /// The issuing authority whose cases they are.
    pub lender: String,
    /// Its cases that nobody holds.
    pub waiting: u64,
    /// How many were taken today.
    pub taken_today: u64,
    /// At most so many a day.
    pub daily_limit: Option<u64>,
    /// Only while more cases than these wait.
    pub beyond: Option<u64>,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}

/// `POST /admin/review-loans`: cases of one office may be reviewed by another. A daily limit, a
/// length of the queue, or both.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLoan {
    /// The issuing authority whose cases are lent.
    pub lender: String,
    /// The one whose reviewers may take them.
    pub borrower: String,
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Until when, not including; a year at most.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// At most so many cases on a day in Asia/Shanghai.
    pub daily_limit: Option<u64>,
    /// Only while more cases than these wait with the lender.
    pub beyond: Option<u64>,
}

/// A loan of cases.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoanView {
    /// Identifier.
    pub id: String,
    /// The issuing authority whose cases are lent.
    pub lender: String,
    /// The one whose reviewers may take them.
    pub borrower: String,
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Until when, not including.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// At most so many cases a day.
    pub daily_limit: Option<u64>,
    /// Only while more cases than these wait with the lender.
    pub beyond: Option<u64>,
    /// Who set it.
    pub set_by: String,
    /// When it was ended before its time.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// What a reviewer sees of a claimed case: record, photo on file and new photo side by side.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReviewView {
    /// What is to be decided: see the case in the queue.
    pub kind: String,
    /// The application.
    pub application: ApplicationView,
    /// The record.
    pub record: RecordView,
    /// How identity was established at the counter.
    pub identity: Option<IdentityCheck>,
    /// Whether there is a photo on file: `GET .../photo-on-file`.
    pub has_photo_on_file: bool,
    /// What the machine found about the application's photo, rule by rule; none where photos are not
    /// judged here.
    pub findings: Vec<FindingView>,
    /// The rules that the machine finds broken: what a rejection would name, for the officer to accept
    /// or not.
    pub suggested: Vec<String>,
    /// Whether the applicant declared when the photo was taken (R71).
    pub declared: bool,
    /// The last person check of the application in the app.
    pub person_check: Option<PersonCheckView>,
    /// The application's photo compared with the photo on file by both matchers; absent where there is
    /// none on file, or photos are not judged here.
    pub comparison: Option<ComparisonView>,
    /// The appeal that is to be decided.
    pub appeal: Option<AppealView>,
    /// Why the sample was objected to.
    pub objection: Vec<ReasonView>,
    /// Reasons that block the issue as things stand.
    pub blocking: Vec<ReasonView>,
    /// Oddities of the record.
    pub notes: Vec<ReasonView>,
}

/// Two photos compared by two matchers that know nothing of each other.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ComparisonView {
    /// `match`, `reject` or `officer`.
    pub outcome: String,
    /// Distance of the first matcher; absent where a photo has no usable face.
    pub distance: Option<f32>,
    /// Similarity of the second.
    pub similarity: Option<f32>,
    /// Which photo has no usable face: `photo`, `photo-on-file`.
    pub without_face: Vec<String>,
    /// When they were compared.
    #[schema(value_type = String, format = DateTime)]
    pub compared_at: Timestamp,
}

/// `POST /review/applications/{id}/duplicate-search`: recent submissions of the same office, device or
/// source that show the same face under another licence, as both matchers say.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DuplicatesView {
    /// How many faces were compared.
    pub compared: u64,
    /// Since when they were submitted.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// How many of so many comparisons of different people are taken for one by mistake, by the
    /// calibration record.
    pub expected_false_alerts: f64,
    /// The same by the upper end of its 95 % confidence interval.
    pub false_alerts_bound: f64,
    /// Those that were found. Each may be one of the mistakes.
    pub duplicates: Vec<DuplicateView>,
}

/// A submission that shows the same face.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DuplicateView {
    /// The application.
    pub application: String,
    /// What it shares with the case: `office`, `device`, `source`.
    pub shares: Vec<String>,
    /// When the face was kept.
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// Distance of the first matcher.
    pub distance: Option<f32>,
    /// Similarity of the second.
    pub similarity: Option<f32>,
}

/// An appeal against a rejection (申诉).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AppealView {
    /// What the driver says.
    pub text: String,
    /// When it was filed.
    #[schema(value_type = String, format = DateTime)]
    pub filed_at: Timestamp,
    /// When the application was rejected.
    #[schema(value_type = String, format = DateTime)]
    pub rejected_at: Timestamp,
    /// Why.
    pub rejected_for: Vec<ReasonView>,
}

/// `POST /holder/applications/{id}/appeal`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileAppeal {
    /// Why the rejection is wrong, 1 to 500 characters.
    pub text: String,
}

opaque!(AppealView, FileAppeal);

/// `POST /review/applications/{id}/decision`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// Which way.
    pub decision: DecisionView,
    /// On rejection: photo rules (`R56` to `R74`) that were not met, or `identity`.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What the machine says against it and the reviewer has seen: `another-person`, without which
    /// nobody approves where the matchers say that the two photos show two people.
    #[serde(default)]
    pub acknowledged: Vec<String>,
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

/// `POST /review/applications/{id}/sample-decision`: after an automatic issue.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideSample {
    /// Which way.
    pub decision: SampleDecisionView,
    /// On an objection: photo rules (`R56` to `R74`) that were not met, or `identity`.
    #[serde(default)]
    pub reasons: Vec<String>,
}

/// What an officer says of a sample, or a second one of an objection to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SampleDecisionView {
    /// The issue was right.
    Confirm,
    /// It was not: the e-licence is stopped until a second officer decides.
    Object,
    /// The second officer: it was right, the e-licence is as before.
    Lift,
    /// The second officer: it was not, the e-licence is revoked.
    Revoke,
}

/// A sample of an automatic issue (抽查).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SampleView {
    /// The application.
    pub application: String,
    /// What was issued.
    pub e_licence: String,
    /// `open`, `confirmed`, `objected`, `lifted` or `revoked`.
    pub state: String,
    /// Why it was objected to.
    pub reasons: Vec<ReasonView>,
}
