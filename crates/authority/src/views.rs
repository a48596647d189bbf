//! The shapes of requests and answers. HTTP carries them as JSON; the OpenAPI document is made
//! from them.

mod account;
mod admin;
mod applying;
mod binding;
mod counter;
mod forecast;
mod holder;
mod push;
mod registry;
mod review;
mod sanction;
mod status;
mod text;
mod trust;
mod verification;

use licence::Reason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::refusal::Because;

pub use self::account::{
    Activate, ActivationChecksView, ActivationCodeView, AnswerActivationCheck, ChangePassword,
    ChangeStaffPassword, ConfirmFactor, CounterAccount, DeviceView, FactorState, FreezeByLink,
    MakeActivationCode, NewFactorView, OpenActivationCheck, PhoneChallengeView, RecoveryCodesView,
    RenewRecoveryCodes, RequestPhoneCode, SessionKindView, SessionView, SignIn,
};
pub use self::admin::{
    ChangeStaff, EndedSessionsView, FactorResetState, FactorResetView, NewRegistrySource, NewStaff,
    OfficeView, RegistrySourceView, StaffRowView, StaffView, WaveView,
};
pub use self::applying::{
    AnswerPersonCheck, AssessmentView, BeginApplication, Confirm, Declaration, FaceConsentView,
    FindingView, FrameView, KindView, MethodView, OpenPersonCheck, PersonCheckChallengeView,
    PersonCheckView, PhotoOnFileView, PhotoRulesView, PhotoSourceView, ReadText, RuleView,
    StepView, SubmitPhoto, TextView, VersionedTextView,
};
pub use self::binding::{
    BeginBinding, BindingChallengeView, BindingView, CodeView, DynamicMaterialView,
    OfflineMaterialView, ProveBinding,
};
pub use self::counter::{CounterApply, IdentityCheck, IdentityMethod};
pub use self::forecast::{
    CalendarView, CalendarYearView, ForecastDayView, ForecastHourView, ForecastView,
};
pub use self::holder::{
    ClassRowView, CodeKind, ELicenceView, EligibilityView, LetterView, LicenceView, LookUpView,
    MainPage, MakeCode, NotificationView, NumericCodeView, RecordView, RemarkView, StatusView,
    SubPage,
};
pub use self::push::{PushKeys, PushSubscriptionView, PushView, PutPushSubscription};
pub use self::registry::{DeliveryView, GapView, NoteCount, RejectView};
pub use self::review::{
    AppealView, ApplicationView, CaseView, ComparisonView, Decide, DecideSample, DecisionView,
    DuplicateView, DuplicatesView, FileAppeal, LentView, LoanView, NewLoan, ProgressView,
    QueueSummaryView, ReviewView, SampleDecisionView, SampleView,
};
pub use self::sanction::{
    DecideSanction, EvidenceKind, EvidenceView, HolderSanctionView, ProposeFromCase,
    ProposeSanction, SanctionDecision, SanctionRowView, SanctionStatement, SanctionStepView,
    SanctionView,
};
pub use self::status::{StatusFormView, StatusListView, StatusListsView};
pub use self::text::{
    ChannelView, PushesSummaryView, ReportedState, TextReport, TextReports, TextReportsView,
    TextsSummaryView,
};
pub use self::trust::{
    KeyStepView, KeyView, RevocationReason, RevokeKey, SubmitTrust, SubmittedView,
    TrustProposalView,
};
pub use self::verification::{
    AuthenticFact, ELicenceFact, EntitledFact, FreshFact, KnownLicence, KnownView, Measure,
    PaperFact, PersonFact, Purpose, VerificationView, VerifiedLicence, Verify,
};

/// `Debug` of what holds personal data or secrets: the type's name and nothing else.
macro_rules! opaque {
    ($($name:ident),* $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

use opaque;

/// A reason: stable code, the requirement behind it, both languages, what clears it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReasonView {
    /// Stable code, e.g. `withheld`.
    pub code: String,
    /// Requirement, e.g. `R25`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Field of the request or record it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
    /// What clears it, Chinese.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clears_zh: Option<String>,
    /// What clears it, English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clears_en: Option<String>,
}

impl From<&Because> for ReasonView {
    fn from(because: &Because) -> Self {
        let because = because.clone();
        Self {
            code: because.code,
            rule: because.rule,
            field: because.field,
            zh: because.zh,
            en: because.en,
            clears_zh: because.clears_zh,
            clears_en: because.clears_en,
        }
    }
}

impl From<&Reason> for ReasonView {
    fn from(reason: &Reason) -> Self {
        Self::from(&Because::from(reason))
    }
}
