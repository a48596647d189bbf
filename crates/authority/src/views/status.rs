//! The index of the status lists.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every public status list (状态列表).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusListsView {
    /// Their addresses, as the draft's aggregation names them.
    pub status_lists: Vec<String>,
    /// The same with what is known of each.
    pub lists: Vec<StatusListView>,
}

/// A public status list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusListView {
    /// Its number.
    pub number: u32,
    /// Its address.
    pub uri: String,
    /// How many entries it has.
    pub entries: u32,
    /// The instant as of which its values were so.
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// From when on it is stale.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Its signed forms.
    pub forms: Vec<StatusFormView>,
}

/// A signed form of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusFormView {
    /// The suite of its signature.
    pub suite: String,
    /// `jwt` or `cwt`.
    pub form: String,
    /// Its bytes.
    pub bytes: u64,
}
