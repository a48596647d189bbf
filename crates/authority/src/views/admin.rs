//! Offices, staff, registry sources, the roll-out.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::opaque;

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

/// A member of staff as listed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StaffRowView {
    /// Identifier.
    pub id: String,
    /// The name they sign in with.
    pub login: String,
    /// Role codes.
    pub roles: Vec<String>,
    /// Their office.
    pub office: Option<String>,
    /// Whether they are shut out.
    pub disabled: bool,
    /// Whether they have a second factor.
    pub second_factor: bool,
}

/// `PUT /admin/staff/{id}`: what applies from now on. Every change ends the member's sessions.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeStaff {
    /// Role codes.
    pub roles: Vec<String>,
    /// Their office.
    pub office: Option<String>,
    /// Whether they are shut out.
    pub disabled: bool,
}

/// How many sessions ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct EndedSessionsView {
    /// How many.
    pub ended: u64,
}

/// The reset of a second factor.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct FactorResetView {
    /// `done`, or `requested` where a second administrator has to approve.
    pub state: FactorResetState,
    /// Until when another administrator may approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// How far a reset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FactorResetState {
    /// The member sets up a new factor when they sign in next.
    Done,
    /// A second administrator has to approve.
    Requested,
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

opaque!(NewStaff, RegistrySourceView);
