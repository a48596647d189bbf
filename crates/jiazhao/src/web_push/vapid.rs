//! Who sends a push: a token of half a day for one push service, signed by this installation's key
//! (VAPID, RFC 8292).

use credential::Signer;
use hyper::Uri;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::base64url;

/// Services take no token that is good for more than a day; clocks differ.
const LASTS: SignedDuration = SignedDuration::from_hours(12);
const HEADER: &[u8] = br#"{"typ":"JWT","alg":"ES256"}"#;

/// What the token says.
pub(super) struct Claims<'a> {
    /// Where the push goes: of this the origin is named.
    pub(super) audience: &'a Uri,
    /// Whom a push service asks about it.
    pub(super) contact: &'a str,
    pub(super) now: Timestamp,
}

#[derive(Serialize)]
struct Body<'a> {
    aud: String,
    exp: i64,
    sub: &'a str,
}

/// The value of the `Authorization` header; none where the key makes no signature.
pub(super) fn authorization(claims: &Claims<'_>, key: &dyn Signer) -> Option<String> {
    let body = Body {
        aud: origin(claims.audience)?,
        exp: claims.now.saturating_add(LASTS).ok()?.as_second(),
        sub: claims.contact,
    };
    let body = serde_json::to_vec(&body).ok()?;
    let input = [base64url(HEADER), base64url(&body)].join(".");
    let signature = key.sign(input.as_bytes()).ok()?;
    let (signature, public) = (
        base64url(signature.as_raw()),
        base64url(&key.public_key().to_sec1()),
    );
    Some(format!("vapid t={input}.{signature}, k={public}"))
}

fn origin(url: &Uri) -> Option<String> {
    let (scheme, authority) = (url.scheme_str()?, url.authority()?);
    Some(match authority.port_u16() {
        Some(port) if port != 443 => format!("{scheme}://{}:{port}", authority.host()),
        Some(_) | None => format!("{scheme}://{}", authority.host()),
    })
}
