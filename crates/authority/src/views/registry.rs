//! What came of a delivery of registry records.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ReasonView;

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
