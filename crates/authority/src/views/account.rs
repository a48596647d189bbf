//! Signing in, activation, and the codes for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::counter::IdentityCheck;
use super::opaque;

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

/// `POST /activations`: a driver's first time, a new device, or a lost password.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// 证号
    pub licence_number: String,
    /// The single-use code: the printed one, or the one that came by phone.
    pub code: String,
    /// The account's password, or the one to be set, 10 to 128 characters. Where it is another than
    /// the account's, every other device ends.
    pub password: String,
    /// What `POST /activations/phone-codes` answered, for a code by phone.
    #[serde(default)]
    pub challenge: Option<String>,
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
    /// The password now.
    pub current: String,
    /// The one to be set, 10 to 128 characters.
    pub new: String,
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
    SignIn,
    Activate,
    ActivationCodeView,
    MakeActivationCode,
    RequestPhoneCode,
    PhoneChallengeView,
    FreezeByLink,
    CounterAccount,
    ChangePassword,
);
