//! Holder binding and what a bound device signs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::holder::NumericCodeView;
use super::opaque;

/// `POST /holder/bindings`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginBinding {
    /// The device's public key: a point of P-256, SEC 1, uncompressed (65 bytes), base64url.
    pub device_key: String,
}

/// What a device is to sign.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BindingChallengeView {
    /// The binding.
    pub id: String,
    /// 32 bytes, base64url.
    pub challenge: String,
    /// The last instant for the proof.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `PUT /holder/bindings/{id}/proof`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProveBinding {
    /// ES256 over the CBOR array `["jz-bind-1", challenge, handle, device key]`: r and s, 64 bytes,
    /// base64url.
    pub signature: String,
}

/// The binding of the device that presents.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BindingView {
    /// Identifier.
    pub id: String,
    /// What codes name it by: 16 bytes, base64url.
    pub handle: String,
    /// How well the device keeps its key: `software`, `passkey` or `attested`.
    pub assurance: String,
    /// Since when it presents.
    #[schema(value_type = String, format = DateTime)]
    pub bound_at: Timestamp,
    /// When the server last renewed it.
    #[schema(value_type = String, format = DateTime)]
    pub renewed_at: Timestamp,
    /// Whether it is the one that asks.
    pub this_device: bool,
}

/// A code, or what the bound device makes one of.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum CodeView {
    /// `numeric`
    Numeric(NumericCodeView),
    /// `offline`
    Offline(OfflineMaterialView),
    /// `dynamic`
    Dynamic(DynamicMaterialView),
}

/// What a device makes dynamic codes of: `JZ1:` and base45 of the CBOR array
/// `[1, handle, time, signature]`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DynamicMaterialView {
    /// `dynamic`
    pub kind: String,
    /// 16 bytes, base64url.
    pub handle: String,
    /// The server's clock, in seconds since 1970: the device corrects its own by it.
    pub server_time: i64,
    /// How long a code is good after its time, in seconds.
    pub lasts: i64,
    /// How far clocks may stand apart, in seconds.
    pub skew: i64,
    /// `black` or `red`, as the status is.
    pub colour: String,
}

/// What a device makes offline codes of: `JZ1:` and base45 of the CBOR array
/// `[2, credential, stamp, time, portrait or null, signature]`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct OfflineMaterialView {
    /// `offline`
    pub kind: String,
    /// 16 bytes, base64url.
    pub handle: String,
    /// The suite of the issuer's signature: `SM2-SM3` or `ES256`.
    pub suite: String,
    /// The public form, COSE, base64url.
    pub credential: String,
    /// The enforcement form, COSE, base64url; where an enforcement key is configured.
    pub enforcement: Option<String>,
    /// The small portrait, WebP, base64url.
    pub portrait: Option<String>,
    /// The renewal stamp, CBOR, base64url.
    pub stamp: String,
    /// When the server renewed it.
    #[schema(value_type = String, format = DateTime)]
    pub renewed_at: Timestamp,
    /// Until when codes of it are good.
    #[schema(value_type = String, format = DateTime)]
    pub good_until: Timestamp,
    /// The server's clock, in seconds since 1970: the device corrects its own by it.
    pub server_time: i64,
    /// `black` or `red`, as the status is.
    pub colour: String,
}

opaque!(OfflineMaterialView);
