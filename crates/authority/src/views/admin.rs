//! Offices, staff, registry sources, the roll-out.

use jiff::civil::Date;
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
