//! Signing in, activation, and the codes for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FrameView, MethodView, VersionedTextView, counter::IdentityCheck, opaque};

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
    /// Of staff: the six digits of the authenticator app, or a recovery code.
    #[serde(default)]
    pub second_factor: Option<String>,
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
    /// How the second factor of staff stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<FactorState>,
    /// How many recovery codes are left, where this session was begun with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_codes_left: Option<u64>,
}

/// How the second factor of a member of staff stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FactorState {
    /// It was given.
    Active,
    /// It must be set up: the session is good for nothing else.
    ToEnrol,
    /// A demonstration does not ask for it.
    NotAsked,
}

/// A second factor to be set up, shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct NewFactorView {
    /// The secret in base32, to be typed into an authenticator app.
    pub secret: String,
    /// The same as an `otpauth://` address.
    pub uri: String,
    /// The address as a QR symbol, SVG.
    pub qr_svg: String,
}

/// `POST /staff/factor/confirmation`: the first code of the app.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmFactor {
    /// Six digits.
    pub code: String,
}

/// Recovery codes, shown once; each replaces one code of the app, once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodesView {
    /// The session that goes on, where it is a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionView>,
    /// Ten of them.
    pub recovery_codes: Vec<String>,
}

/// `POST /staff/recovery-codes`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewRecoveryCodes {
    /// The password.
    pub password: String,
    /// A code of the app, or a recovery code.
    pub second_factor: String,
}

/// `POST /staff/password`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeStaffPassword {
    /// The password until now.
    pub password: String,
    /// A code of the app, or a recovery code.
    #[serde(default)]
    pub second_factor: Option<String>,
    /// The password from now on, 10 to 128 characters.
    pub new_password: String,
}

/// `POST /activations`: a driver's first time, a new device, or a lost password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// 证号
    pub licence_number: String,
    /// The single-use code: the printed one, or the one that came by phone. None beside a person
    /// check.
    #[serde(default)]
    pub code: String,
    /// The account's password, or the one to be set, 10 to 128 characters. Where it is another than
    /// the account's, every other device ends.
    pub password: String,
    /// What `POST /activations/phone-codes` answered, for a code by phone.
    #[serde(default)]
    pub challenge: Option<String>,
    /// The answer of a person check, in the place of a code.
    #[serde(default)]
    pub person_check: Option<AnswerActivationCheck>,
}

/// `GET /activations/person-checks`: whether a person check activates here, and what is agreed to
/// before one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ActivationChecksView {
    /// How it can be done; empty where codes are the only way.
    pub methods: Vec<MethodView>,
    /// What is agreed to, apart from everything else, for that one check.
    pub consent: VersionedTextView,
}

/// `POST /activations/person-checks`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenActivationCheck {
    /// 证号
    pub licence_number: String,
    /// 姓名, as on the licence.
    pub name: String,
    /// How it is done.
    #[serde(default)]
    pub method: MethodView,
    /// The key that will sign the answer: P-256, uncompressed, base64url.
    pub device_key: String,
    /// Version of the consent that is given.
    pub consent: String,
}

/// What answers a person check in an activation.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerActivationCheck {
    /// Which check.
    pub id: String,
    /// The same name as when it was begun.
    pub name: String,
    /// The frames in order, at most 24.
    #[serde(default)]
    pub frames: Vec<FrameView>,
    /// What the identity service gave to the app, where it is asked.
    #[serde(default)]
    pub token: Option<String>,
    /// As in the person check of an application.
    pub signature: String,
}

/// `POST /activations/phone-codes`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestPhoneCode {
    /// 证号
    pub licence_number: String,
}

/// A request for a code by phone. It looks the same whether or not a text leaves.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct PhoneChallengeView {
    /// Goes into the activation with the code.
    pub challenge: String,
    /// Until when a code that came works.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /account-freezes`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeByLink {
    /// What stands behind `#` in the link.
    pub token: String,
}

/// `POST /counter/account-freezes` and `POST /counter/account-unfreezes`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CounterAccount {
    /// 证号
    pub licence_number: String,
    /// How the officer established who the person is.
    pub identity: IdentityCheck,
}

/// `POST /holder/password`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    pub password: String,
    /// The password from now on, 10 to 128 characters.
    pub new_password: String,
}

/// A device on which a driver signs in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeviceView {
    /// Identifier.
    pub id: String,
    /// What kind of client it says it is: `phone`, `computer` or `other`.
    pub client: String,
    /// How the person was proved when it was added: `counter-code`, `phone-code` or `person-check`.
    pub proof: String,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When somebody last signed in on it.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen_at: Timestamp,
    /// Whether it is the one that asks.
    pub current: bool,
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

opaque!(
    ChangePassword,
    ChangeStaffPassword,
    SignIn,
    Activate,
    OpenActivationCheck,
    AnswerActivationCheck,
    ActivationCodeView,
    MakeActivationCode,
    NewFactorView,
    ConfirmFactor,
    RecoveryCodesView,
    RenewRecoveryCodes,
    RequestPhoneCode,
    PhoneChallengeView,
    FreezeByLink,
    CounterAccount,
);
