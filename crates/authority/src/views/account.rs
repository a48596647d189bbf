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

opaque!(SignIn, Activate, ActivationCodeView, MakeActivationCode);
