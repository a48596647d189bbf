//! Applying by oneself: photo rules, photos, confirmation, consent, the person check.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ReasonView, opaque};

/// What an application is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KindView {
    /// 首次申领
    First,
    /// 更换照片 (R86)
    PhotoChange,
    /// 重新申领 (R88-R90)
    Reapplication,
}

/// Where the photo comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PhotoSourceView {
    /// 使用已留存的照片 (flow A)
    OnFile,
    /// 手机拍照 (flow B)
    Camera,
    /// 相册选择 (flow C)
    Album,
}

/// `POST /holder/applications`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginApplication {
    /// What for.
    pub kind: KindView,
    /// Where the photo comes from.
    pub photo_source: PhotoSourceView,
}

/// `GET /holder/photo-rules`: what is read before a photo is taken (拍摄须知, R44, R55).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhotoRulesView {
    /// Version of this text: `PUT .../photo-rules` says that it was read.
    pub version: String,
    /// How to take the photo.
    pub notices: Vec<TextView>,
    /// The rules, one by one, R56-R74.
    pub rules: Vec<RuleView>,
    /// What is declared about a photo that carries no date (R71).
    pub declaration: VersionedTextView,
    /// The size to which a photo is cut, in pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Largest file, in bytes.
    pub max_bytes: usize,
}

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextView {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A text that is agreed to or declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionedTextView {
    /// Its version.
    pub version: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A photo rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleView {
    /// `R56` to `R74`.
    pub rule: String,
    /// Whether a machine judges it; an officer looks at all the others.
    pub by_machine: bool,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// `PUT .../photo-rules` and `PUT .../face-consent`: which text was read or agreed to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadText {
    /// Its version.
    pub version: String,
}

/// `GET /holder/photo-on-file`: whether the photo on file can be used (R31, R33).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhotoOnFileView {
    /// `acceptable`, `unusable` or `none`.
    pub state: String,
    /// What was found about it, where there is one.
    pub findings: Vec<FindingView>,
    /// What a first application can use: `on-file`, or `camera` and `album`.
    pub offered: Vec<PhotoSourceView>,
}

/// `PUT .../photo` and `POST /holder/photo-assessments`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitPhoto {
    /// `data:image/jpeg;base64,...` (or `png`, `webp`), at most 2 MiB.
    pub photo: String,
    /// Of a photo that carries no date: that it was taken within the last six months (R71).
    #[serde(default)]
    pub declaration: Option<Declaration>,
}

/// What the applicant declares, signed by the device.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// Version of the text that is declared.
    pub version: String,
    /// The device's key: P-256, uncompressed, base64url. Where this device presents the licence, the
    /// key of its binding.
    pub device_key: String,
    /// ES256 over `["jz-photo-declaration-1", application, SHA-256 of the photo, version]` in CBOR,
    /// base64url.
    pub signature: String,
}

/// What is found for one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// `R56` to `R74`.
    pub rule: String,
    /// `pass`, `officer` or `fail`.
    pub verdict: String,
    /// What was measured, where something was.
    pub measure: Option<String>,
    /// In the measure's own unit, see docs/photo-rules.md.
    pub value: Option<f32>,
    /// To the applicant where it fails, to the officer where it is theirs to judge. Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// `POST /holder/photo-assessments`: a photo judged, and nothing kept.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AssessmentView {
    /// The gravest of all.
    pub verdict: String,
    /// One for each rule.
    pub findings: Vec<FindingView>,
    /// The photo as it would stand on the licence, a data URL; absent where there is no face.
    pub preview: Option<String>,
    /// Whether the photo lacks a date, so that a declaration is needed (R71).
    pub declaration_needed: bool,
}

/// `PUT .../confirmation`: the information is right, and this photo is to be used (R38, R47, R53).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The application's photo, as its view names it.
    pub photo: String,
}

/// `GET /holder/face-consent`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FaceConsentView {
    /// What is agreed to, apart from everything else.
    pub text: VersionedTextView,
    /// Since when it stands, where it does.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub given_at: Option<Timestamp>,
}

/// `POST .../person-check`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenPersonCheck {
    /// The key that will sign the answer: P-256, uncompressed, base64url. Where this device presents
    /// the licence, the key of its binding.
    pub device_key: String,
    /// How it is done.
    #[serde(default)]
    pub method: MethodView,
}

/// How a person check is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MethodView {
    /// By frames of the camera.
    #[default]
    Frames,
    /// By the operator's identity service.
    IdentityService,
}

/// A person check that waits for its answer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonCheckChallengeView {
    /// Which.
    pub id: String,
    /// How it is done.
    pub method: MethodView,
    /// 32 bytes that the signature covers, base64url.
    pub nonce: String,
    /// What to do before the camera, in this order; empty for an identity service.
    pub steps: Vec<StepView>,
    /// The last instant for the answer.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A step of the challenge. Left and right are the person's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// `turn-left`, `turn-right` or `blink`.
    pub code: String,
    /// What the person is told, Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// `PUT .../person-check`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerPersonCheck {
    /// Which check.
    pub id: String,
    /// The frames in order, at most 24.
    #[serde(default)]
    pub frames: Vec<FrameView>,
    /// What the identity service gave to the app, where it is asked.
    #[serde(default)]
    pub token: Option<String>,
    /// ES256 over `["jz-person-check-1", check, nonce, [[step, at_ms, SHA-256], ...]]` in CBOR,
    /// base64url. A token counts as the only frame, with step and time 0.
    pub signature: String,
}

/// A frame of the camera, as it was taken: not mirrored.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameView {
    /// Which step was asked for: 1 is the first; 0 is looking straight, before it.
    pub step: u8,
    /// Milliseconds since the check was opened.
    pub at_ms: u32,
    /// `data:image/jpeg;base64,...`, at most 512 KiB.
    pub image: String,
}

/// How the last person check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonCheckView {
    /// `match`, `reject`, `officer` or `expired`; absent while it waits for its answer.
    pub outcome: Option<String>,
    /// Why it is no match.
    pub reasons: Vec<ReasonView>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
}

opaque!(
    SubmitPhoto,
    Declaration,
    AssessmentView,
    AnswerPersonCheck,
    FrameView
);
