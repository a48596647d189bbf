//! Texts that leave the system: their delivery, as holders, administrators and the gateway see it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a message reached its holder by one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelView {
    /// `inbox`, `text` or `push`.
    pub channel: String,
    /// In the inbox `delivered` or `read`; of a text or a push `queued`, `sent`, `delivered`, `failed`,
    /// `given-up`, or `no-channel` where no text could leave.
    pub state: String,
    /// How often sending was begun.
    pub attempts: u64,
    /// When the state was reached.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The last two digits of the phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_ends: Option<String>,
}

/// `POST /notifier/reports`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextReports {
    /// What became of texts, at most 1000 at once.
    #[schema(max_items = 1000)]
    pub reports: Vec<TextReport>,
}

/// What became of one text.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextReport {
    /// The text's `id`, as it was sent.
    pub id: String,
    /// What became of it.
    pub state: ReportedState,
}

/// What a gateway reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportedState {
    /// It arrived.
    Delivered,
    /// It never will.
    Failed,
}

/// What was done with reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextReportsView {
    /// How many were recorded.
    pub recorded: u64,
    /// How many were repetitions, or of texts that are not known.
    pub ignored: u64,
}

/// How the texts stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextsSummaryView {
    /// Whether texts can leave.
    pub channel: bool,
    /// From when the texts were counted.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Taken by the gateway, not reported yet.
    pub sent: u64,
    /// Arrived.
    pub delivered: u64,
    /// Refused by the gateway, or reported as undeliverable.
    pub failed: u64,
    /// Not sent: too many attempts, or too late.
    pub given_up: u64,
    /// Waiting now, however old.
    pub queued: u64,
    /// Age of the oldest that waits.
    pub oldest_queued_seconds: Option<u64>,
    /// The same of what is pushed to browsers.
    pub push: PushesSummaryView,
}

/// How the pushes to browsers stand, as of the same days as the texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushesSummaryView {
    /// Whether pushes can leave.
    pub channel: bool,
    /// Taken by the push service.
    pub sent: u64,
    /// Refused by it, or the browser is no more.
    pub failed: u64,
    /// Not sent: too many attempts, too late, or the browser asked for no more.
    pub given_up: u64,
    /// Waiting now, however old.
    pub queued: u64,
    /// Age of the oldest that waits.
    pub oldest_queued_seconds: Option<u64>,
}
