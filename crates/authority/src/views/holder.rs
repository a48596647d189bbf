//! What a driver sees: the record, the licence pages, codes, messages, look-ups.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::opaque;
use super::{ChannelView, ReasonView};

/// A driver's record as displayed.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RecordView {
    /// 证号
    pub licence_number: String,
    /// 姓名
    pub name: String,
    /// 性别: `male` or `female`; absent while masked
    pub sex: Option<String>,
    /// 国籍
    pub nationality: String,
    /// 出生日期; absent while masked
    #[schema(value_type = Option<String>, format = Date)]
    pub birth_date: Option<Date>,
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
    /// Whether what tells who somebody is stands masked in the record: until the first e-licence.
    pub masked: bool,
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
    /// How it reached the holder, by channel.
    pub deliveries: Vec<ChannelView>,
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

opaque!(RecordView, RemarkView, MainPage, SubPage, NumericCodeView);
