//! What keeps another site's page from acting with a person's session.
//!
//! A session cookie is `SameSite=Strict`. Behind that stand two checks that do not rest on it:
//! `Origin`, where a browser sends it, must be this service's own, and an unsafe request with a
//! session must carry a content type that no form of another site can send.

use axum::http::{HeaderMap, HeaderValue, Uri, header, request::Parts};
use zeroize::Zeroizing;

use crate::problem::{CROSS_ORIGIN, Problem, WRONG_CONTENT_TYPE};

/// The cookie that carries a session's token.
pub(crate) const COOKIE: &str = "jz_session";
/// The cookie that carries a driver's device's secret, without which a driver's session is none.
const DEVICE: &str = "jz_device";
/// The same where the service is reached by https. Browsers take a cookie of this kind of name from
/// this very host only: a neighbouring one cannot plant the device of somebody else's account.
const DEVICE_BY_HTTPS: &str = "__Host-jz_device";

/// Lets a request pass that this service's own page, or no page at all, has sent.
pub(crate) fn own_pages_only(parts: &Parts, secure: bool) -> Result<(), Problem> {
    if parts.method.is_safe() {
        return Ok(());
    }
    if let Some(origin) = parts.headers.get(header::ORIGIN)
        && !is_own(origin, &parts.headers, &parts.uri, secure)
    {
        return Err(CROSS_ORIGIN.into());
    }
    let typed = matches!(
        media_type(&parts.headers),
        Some("application/json" | "application/x-ndjson")
    );
    let known = session_token(&parts.headers).or_else(|| device_secret(&parts.headers, secure));
    if known.is_some() && !typed {
        return Err(WRONG_CONTENT_TYPE.into());
    }
    Ok(())
}

fn is_own(origin: &HeaderValue, headers: &HeaderMap, uri: &Uri, secure: bool) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
    let scheme = if secure { "https" } else { "http" };
    match (origin.to_str(), host) {
        (Ok(origin), Some(host)) => origin.eq_ignore_ascii_case(&format!("{scheme}://{host}")),
        _ => false,
    }
}

/// The media type without its parameters, as it was sent.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    text.split(';').next().map(str::trim)
}

/// The token of the session cookie.
pub(crate) fn session_token(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// The secret of the device cookie.
pub(crate) fn device_secret(headers: &HeaderMap, secure: bool) -> Option<&str> {
    cookie(headers, device_cookie(secure))
}

const fn device_cookie(secure: bool) -> &'static str {
    if secure { DEVICE_BY_HTTPS } else { DEVICE }
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// The value of `Set-Cookie` for a session; without a token it ends the cookie.
pub(crate) fn set_cookie(token: &str, max_age: i64, secure: bool) -> Option<HeaderValue> {
    set(COOKIE, token, max_age, secure)
}

/// The value of `Set-Cookie` for a device.
pub(crate) fn set_device(secret: &str, secure: bool) -> Option<HeaderValue> {
    let max_age = authority::DEVICE_LASTS.as_secs();
    set(device_cookie(secure), secret, max_age, secure)
}

fn set(name: &str, value: &str, max_age: i64, secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let text = Zeroizing::new(format!(
        "{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age}{secure}"
    ));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    const SESSION: (&str, &str) = ("cookie", "a=b; jz_session=t0ken");
    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
    const HOST: (&str, &str) = ("host", "jz.example:8443");

    fn checked(method: &str, headers: &[(&str, &str)], secure: bool) -> Result<(), &'static str> {
        let mut request = Request::builder().method(method).uri("/api/v1/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        own_pages_only(&parts, secure).map_err(|problem| problem.code())
    }

    #[test]
    fn an_unsafe_request_of_another_origin_is_refused() {
        for origin in [
            "https://evil.example",
            "https://jz.example",
            "http://jz.example:8443",
            "https://jz.example:8443.evil.example",
            "null",
            "",
        ] {
            let headers = [SESSION, JSON, HOST, ("origin", origin)];
            assert_eq!(
                checked("POST", &headers, true),
                Err("cross-origin"),
                "{origin}"
            );
        }
    }

    #[test]
    fn signing_in_from_another_origin_is_refused_too() {
        let headers = [JSON, HOST, ("origin", "https://evil.example")];
        assert_eq!(checked("POST", &headers, true), Err("cross-origin"));
    }

    #[test]
    fn the_own_origin_and_no_origin_pass() {
        let own = ("origin", "https://JZ.example:8443");
        assert_eq!(checked("POST", &[SESSION, JSON, HOST, own], true), Ok(()));
        assert_eq!(checked("POST", &[SESSION, JSON, HOST], true), Ok(()));
        let loopback = [
            SESSION,
            JSON,
            ("host", "127.0.0.1:8080"),
            ("origin", "http://127.0.0.1:8080"),
        ];
        assert_eq!(checked("POST", &loopback, false), Ok(()));
        assert_eq!(checked("POST", &loopback, true), Err("cross-origin"));
    }

    #[test]
    fn an_origin_without_a_host_is_refused() {
        let headers = [SESSION, JSON, ("origin", "https://jz.example")];
        assert_eq!(checked("POST", &headers, true), Err("cross-origin"));
    }

    #[test]
    fn a_session_needs_a_content_type_that_no_form_sends() {
        const ON_A_DEVICE: (&str, &str) = ("cookie", "__Host-jz_device=s3cret");
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ] {
            for cookie in [SESSION, ON_A_DEVICE] {
                let headers = [cookie, HOST, ("content-type", kind)];
                assert_eq!(checked("POST", &headers, true), Err("wrong-content-type"));
            }
        }
        let bare = [SESSION, HOST];
        assert_eq!(checked("DELETE", &bare, true), Err("wrong-content-type"));
        assert_eq!(checked("GET", &bare, true), Ok(()));
        let lines = [SESSION, HOST, ("content-type", "application/x-ndjson")];
        assert_eq!(checked("POST", &lines, true), Ok(()));
    }

    #[test]
    fn the_session_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append("cookie", HeaderValue::from_static("not_jz_session=x"));
        assert_eq!(session_token(&headers), None);
        headers.append(
            "cookie",
            HeaderValue::from_static("a=1; jz_session=abc ; b"),
        );
        assert_eq!(session_token(&headers), Some("abc"));
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let value = set_cookie("t", 3600, true).unwrap();
        assert!(value.is_sensitive());
        assert_eq!(
            value,
            "jz_session=t; HttpOnly; SameSite=Strict; Path=/; Max-Age=3600; Secure"
        );
        let plain = set_cookie("", 0, false).unwrap();
        assert_eq!(
            plain,
            "jz_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"
        );
        assert_eq!(set_cookie("a\r\nb", 1, true), None);
    }

    /// A cookie of the plain name may come from a neighbouring host: by https it counts for nothing.
    #[test]
    fn a_device_cookie_cannot_be_planted_by_a_neighbour() {
        let value = set_device("s", true).unwrap();
        assert!(value.is_sensitive());
        assert_eq!(
            value,
            "__Host-jz_device=s; HttpOnly; SameSite=Strict; Path=/; Max-Age=15552000; Secure"
        );
        let plain = set_device("s", false).unwrap();
        assert_eq!(
            plain,
            "jz_device=s; HttpOnly; SameSite=Strict; Path=/; Max-Age=15552000"
        );
        let mut headers = HeaderMap::new();
        headers.append("cookie", HeaderValue::from_static("jz_device=planted"));
        assert_eq!(device_secret(&headers, true), None);
        headers.append("cookie", HeaderValue::from_static("__Host-jz_device=own"));
        assert_eq!(device_secret(&headers, true), Some("own"));
        assert_eq!(device_secret(&headers, false), Some("planted"));
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer_token(&headers), None);
        headers.insert("authorization", HeaderValue::from_static("bearer abc"));
        assert_eq!(bearer_token(&headers), Some("abc"));
        headers.insert("authorization", HeaderValue::from_static("Basic abc"));
        assert_eq!(bearer_token(&headers), None);
    }
}
