//! Web Push: which browsers of a driver are told what the inbox says.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `PUT /holder/push-subscriptions`: what a browser says of its subscription.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPushSubscription {
    /// The address that its push service gave it.
    #[schema(max_length = 1024)]
    pub endpoint: String,
    /// For whom messages to it are encrypted.
    pub keys: PushKeys,
}

/// For whom messages to a browser are encrypted (RFC 8291).
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PushKeys {
    /// Its public key: an uncompressed point of P-256 (65 bytes), base64url.
    pub p256dh: String,
    /// The secret that it shares: 16 bytes, base64url.
    pub auth: String,
}

/// `GET /holder/push-subscriptions`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushView {
    /// What a browser subscribes by (VAPID): an uncompressed point of P-256, base64url. None where
    /// nothing is pushed here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_server_key: Option<String>,
    /// The driver's browsers that are told, the newest first.
    pub subscriptions: Vec<PushSubscriptionView>,
}

/// A browser that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushSubscriptionView {
    /// The device that it runs on.
    pub device: String,
    /// Whether that is the one that asks.
    pub this_device: bool,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Where a browser is reached is what others may not know.
impl fmt::Debug for PutPushSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutPushSubscription(..)")
    }
}

impl fmt::Debug for PushKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushKeys(..)")
    }
}
