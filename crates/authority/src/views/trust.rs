//! Signing keys and changes of trust.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A signing key as listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyView {
    /// Identifier.
    pub key_id: String,
    /// Suite.
    pub suite: String,
    /// What it signs: `licence` or `online`.
    pub key_use: String,
    /// In whose name it signs.
    pub issuer: String,
    /// First instant.
    #[schema(value_type = String, format = DateTime)]
    pub not_before: Timestamp,
    /// Last instant.
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Timestamp,
    /// `active`, `retired` or `revoked`, as this system takes it now.
    pub state: String,
    /// Whether this system signs with it now. Of several active keys the newest does and, in the suite of
    /// devices' codes, for these the oldest: it is needed until it is retired.
    pub signs: bool,
    /// Why it was revoked in an emergency, while no signed list says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emergency: Option<String>,
}

/// `POST /admin/keys/{key_id}/revocation`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// Why.
    pub reason: RevocationReason,
}

/// Why a key is revoked in an emergency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    /// Somebody else has it.
    Compromised,
    /// Somebody else may have it.
    Suspected,
    /// It is lost.
    Lost,
    /// Something was signed with it that should not have been.
    Misused,
}

impl RevocationReason {
    /// Its stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compromised => "compromised",
            Self::Suspected => "suspected",
            Self::Lost => "lost",
            Self::Misused => "misused",
        }
    }
}

/// `POST /admin/trust-proposals`: a list that the roots have signed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitTrust {
    /// The file of `jiazhao keys sign-proposal`, as text.
    pub signed: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubmittedView {
    /// `activated` where it only revokes keys, else `waits`.
    pub state: String,
    /// The proposal, where it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How many administrators have to activate it.
    pub needs: u8,
}

/// A proposed trust list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustProposalView {
    /// Identifier.
    pub id: String,
    /// Version of the list.
    pub version: u64,
    /// `open`, `activated` or `rejected`.
    pub state: String,
    /// Whether another list has taken its version: then it can only be rejected.
    pub stale: bool,
    /// How many administrators have to activate it, besides whoever brought it.
    pub needs: u8,
    /// What it changes; nothing where it only lasts longer.
    pub changes: Vec<KeyStepView>,
    /// From when the list is stale.
    #[schema(value_type = String, format = DateTime)]
    pub next_update: Timestamp,
    /// Who brought it.
    pub prepared_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub prepared_at: Timestamp,
    /// The first of two administrators who activate it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Who activated or rejected it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub settled_at: Option<Timestamp>,
}

/// What a list changes about a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyStepView {
    /// The key.
    pub key_id: String,
    /// Its suite.
    pub suite: String,
    /// What it signs: `licence` or `online`.
    pub key_use: String,
    /// `named`, `retired`, `revoked` or `restored`.
    pub step: String,
}
