//! The shapes of requests and answers. HTTP carries them as JSON; the OpenAPI document is made
//! from them.

use jiff::{Timestamp, civil::Date};
use licence::{ClassCode, Reason};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::refusal::Because;

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

/// `POST /sessions`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// A driver's licence number or a member of staff's login.
    pub login: String,
    /// The password.
    pub password: String,
    /// `holder` or `staff`.
    pub kind: SessionKindView,
}

/// Whose session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionKindView {
    /// A driver's.
    Holder,
    /// A member of staff's.
    Staff,
}

/// Who is signed in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Whose session.
    pub kind: SessionKindView,
    /// The holder's or member's identifier.
    pub id: String,
    /// Role codes of staff.
    pub roles: Vec<String>,
    /// The office of staff.
    pub office: Option<String>,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /activations`: a driver's first time, with a code printed at a counter.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// 证号
    pub licence_number: String,
    /// The single-use code.
    pub code: String,
    /// The password to be set, 10 to 128 characters.
    pub password: String,
}

/// An activation code, shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ActivationCodeView {
    /// The code to print.
    pub code: String,
    /// Until when it works.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /counter/activation-codes`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeActivationCode {
    /// 证号
    pub licence_number: String,
    /// How the officer established who the person is.
    pub identity: IdentityCheck,
}

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

/// A driver's record as displayed.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RecordView {
    /// 证号
    pub licence_number: String,
    /// 姓名
    pub name: String,
    /// 性别: `male` or `female`
    pub sex: String,
    /// 国籍
    pub nationality: String,
    /// 出生日期
    #[schema(value_type = String, format = Date)]
    pub birth_date: Date,
    /// 初次领证日期
    #[schema(value_type = String, format = Date)]
    pub first_issue_date: Date,
    /// 准驾车型, as granted
    pub classes: Vec<String>,
    /// 有效期限, from
    #[schema(value_type = String, format = Date)]
    pub valid_from: Date,
    /// 有效期限, to; `long-term` for 长期
    pub valid_until: String,
    /// 住址
    pub address: Option<String>,
    /// 发证机关
    pub issuing_authority: String,
    /// Its code.
    pub authority_code: String,
    /// 档案编号
    pub file_number: Option<String>,
    /// 累积记分
    pub points: u32,
    /// Edition of the paper licence.
    pub document_edition: u32,
    /// Whether driving needs a hearing aid.
    pub hearing_aid: bool,
    /// 记录
    pub remarks: Vec<RemarkView>,
}

/// An entry of the record (记录).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RemarkView {
    /// When.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// What.
    pub text: String,
}

/// The licence's status now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusView {
    /// `valid`, `red`, `suspended` or `invalid`.
    pub value: String,
    /// How it is shown: `black`, `red` or `hidden`.
    pub shown: String,
    /// Status letters, those that dates and flags amount to included.
    pub letters: Vec<LetterView>,
    /// Why it is not valid.
    pub reasons: Vec<ReasonView>,
    /// The instant it was computed for.
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
}

/// A status letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LetterView {
    /// The letter.
    pub letter: String,
    /// Its name, Chinese.
    pub zh: String,
    /// Its name, English.
    pub en: String,
}

/// `GET /holder/licence`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LicenceView {
    /// The record.
    pub record: RecordView,
    /// Its status.
    pub status: StatusView,
    /// Whether there is a photo on file.
    pub has_photo_on_file: bool,
}

/// `GET /holder/eligibility`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EligibilityView {
    /// Whether an application is possible now.
    pub eligible: bool,
    /// Everything that blocks it.
    pub reasons: Vec<ReasonView>,
}

/// `GET /holder/e-licence`: the licence pages.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ELicenceView {
    /// Identifier.
    pub id: String,
    /// `active`, `stopped`, `superseded` or `revoked`.
    pub stage: String,
    /// The status and how it is shown.
    pub status: StatusView,
    /// The server's time: the page's running clock starts from it.
    #[schema(value_type = String, format = DateTime)]
    pub server_time: Timestamp,
    /// 正页; absent while the licence is not shown.
    pub main_page: Option<MainPage>,
    /// 副页; absent while the licence is not shown.
    pub sub_page: Option<SubPage>,
}

/// 正页 (R16-R18).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct MainPage {
    /// 证号
    pub licence_number: String,
    /// 姓名
    pub name: String,
    /// 性别
    pub sex: String,
    /// 国籍
    pub nationality: String,
    /// 出生日期
    #[schema(value_type = String, format = Date)]
    pub birth_date: Date,
    /// 初次领证日期
    #[schema(value_type = String, format = Date)]
    pub first_issue_date: Date,
    /// 准驾车型
    pub classes: Vec<String>,
    /// 有效期限, from
    #[schema(value_type = String, format = Date)]
    pub valid_from: Date,
    /// 有效期限, to; `long-term` for 长期
    pub valid_until: String,
    /// 累积记分
    pub points: u32,
    /// 电子证生成时间 (R17)
    #[schema(value_type = String, format = DateTime)]
    pub generated_at: Timestamp,
    /// Path of the photo.
    pub photo: String,
    /// How a code is made (R18): `POST` there.
    pub codes: String,
}

/// 副页 (R19-R22).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SubPage {
    /// 住址
    pub address: Option<String>,
    /// 发证机关
    pub issuing_authority: String,
    /// 档案编号
    pub file_number: Option<String>,
    /// 记录
    pub record: Vec<RemarkView>,
    /// Whether driving needs a hearing aid.
    pub hearing_aid: bool,
    /// 准驾车型代号规定
    pub class_table: Vec<ClassRowView>,
}

/// A row of 准驾车型代号规定.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClassRowView {
    /// The code.
    pub code: String,
    /// Its name, Chinese.
    pub zh: String,
    /// Its name, English.
    pub en: String,
    /// The vehicles, Chinese.
    pub vehicles_zh: String,
    /// The vehicles, English.
    pub vehicles_en: String,
    /// What it allows besides.
    pub also: Vec<String>,
}

/// `POST /holder/e-licence/codes`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeCode {
    /// Which code.
    pub kind: CodeKind,
    /// For a numeric code that is read aloud: 120 s instead of 60 s.
    #[serde(default)]
    pub read_aloud: bool,
}

/// Kinds of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CodeKind {
    /// 18 digits, one use.
    Numeric,
    /// Signed by the bound device, checked online.
    Dynamic,
    /// Signed by the bound device, checked offline.
    Offline,
}

/// A numeric code.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct NumericCodeView {
    /// 18 digits.
    pub code: String,
    /// The digits in six groups of three.
    pub grouped: String,
    /// Until when it works.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Code128, SVG (一维码).
    pub code128_svg: String,
    /// QR, SVG (二维码); `black` or `red` as the status is.
    pub qr_svg: String,
    /// Its colour.
    pub colour: String,
}

/// A message in the inbox.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NotificationView {
    /// Identifier.
    pub id: String,
    /// Stable kind.
    pub kind: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A look-up as the holder sees it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LookUpView {
    /// Identifier.
    pub id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The office that looked.
    pub office: String,
    /// For what.
    pub purpose: String,
}

/// `POST /verifications`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The code shown.
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
    /// `yes`: a numeric code is checked once, within its seconds.
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

/// What came of a delivery of registry records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// How many were new or changed.
    pub imported: u64,
    /// How many were known already.
    pub unchanged: u64,
    /// How many were refused.
    pub rejected: u64,
    /// Each refused record.
    pub rejects: Vec<RejectView>,
    /// Records applied after a gap of versions.
    pub gaps: Vec<GapView>,
    /// Oddities, counted by code.
    pub notes: Vec<NoteCount>,
}

/// A refused record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejectView {
    /// Its line or place in the delivery, from 1.
    pub line: u64,
    /// Every reason.
    pub reasons: Vec<ReasonView>,
}

/// A record applied after a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GapView {
    /// Its line or place in the delivery, from 1.
    pub line: u64,
    /// The version known before.
    pub known: i64,
    /// The version applied.
    pub applied: i64,
}

/// How often an oddity was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoteCount {
    /// Stable code.
    pub code: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
    /// How often.
    pub count: u64,
    /// The first lines where it was met, at most ten.
    pub lines: Vec<u64>,
}

/// `POST /admin/offices`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfficeView {
    /// Its code, e.g. `1101-01`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The issuing authority for which it acts.
    pub authority_code: String,
}

/// `POST /admin/staff`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStaff {
    /// The name they sign in with.
    pub login: String,
    /// Their name.
    pub name: String,
    /// Their first password.
    pub password: String,
    /// Role codes: `admin`, `counter`, `reviewer`, `police`, `window`.
    pub roles: Vec<String>,
    /// Their office.
    pub office: Option<String>,
    /// Their own licence number, so that they cannot handle their own record.
    pub own_licence_number: Option<String>,
}

/// A member of staff.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StaffView {
    /// Identifier.
    pub id: String,
    /// The name they sign in with.
    pub login: String,
    /// Role codes.
    pub roles: Vec<String>,
    /// Their office.
    pub office: Option<String>,
}

/// `POST /admin/registry-sources`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRegistrySource {
    /// Its name.
    pub name: String,
    /// The issuing authorities whose drivers it may write; `*` for all.
    pub authorities: Vec<String>,
}

/// A registry source with its token, shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RegistrySourceView {
    /// Identifier.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The issuing authorities whose drivers it may write.
    pub authorities: Vec<String>,
    /// The token to send as `Authorization: Bearer`.
    pub token: String,
}

/// A wave of the roll-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaveView {
    /// City code, or `*` for the whole country.
    pub city: String,
    /// From when its drivers can apply.
    #[schema(value_type = String, format = Date)]
    pub opens_on: Date,
}

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

opaque!(
    SignIn,
    Activate,
    ActivationCodeView,
    MakeActivationCode,
    IdentityCheck,
    CounterApply,
    RecordView,
    RemarkView,
    MainPage,
    SubPage,
    NumericCodeView,
    Verify,
    VerifiedLicence,
    NewStaff,
    RegistrySourceView
);
