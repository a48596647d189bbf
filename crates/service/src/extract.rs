//! Who asks, and when. The clock is read here, once a request.

use std::net::{IpAddr, SocketAddr};

use authority::{Act, Actor, Client, ClientKind, Error, refusal, views::ReasonView};
use axum::{
    extract::{ConnectInfo, FromRequestParts, Query},
    http::{HeaderMap, header, request::Parts},
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::{guard, problem::Problem, state::App};

/// The request's identifier, made by the outermost layer.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// An act of nobody in particular: signing in and the like. A session at hand does not count.
pub(crate) struct Visitor(pub(crate) Act);

/// An act of whoever is signed in; without a session the request is refused before its body is
/// read.
pub(crate) struct Caller(pub(crate) Act);

/// An act of whoever is signed in or, where the records that say so cannot be reached, the problem and
/// the instant. Any other failure is refused before the body is read.
pub(crate) enum Reaching {
    /// Who asks.
    Caller(Box<Act>),
    /// They could not be reached.
    Unreached(Problem, Timestamp),
}

/// The same, of a member of staff who may still have to set up the second factor. Everywhere else
/// such a session is refused before the body is read.
pub(crate) struct Enroller(pub(crate) Act);

/// An act of a registry source, by its bearer token.
pub(crate) struct Source(pub(crate) Act);

/// An act of the gateway that carries texts, by its bearer token.
pub(crate) struct Gateway(pub(crate) Act);

/// The token of the session cookie, unchecked.
pub(crate) struct SessionToken(pub(crate) Option<String>);

/// The client: the secret of its device cookie, unchecked, and what it says it is.
pub(crate) struct Device {
    secret: Option<Zeroizing<String>>,
    kind: ClientKind,
}

/// A query of exactly this shape.
pub(crate) struct QueryOf<T>(pub(crate) T);

/// `Idempotency-Key`.
#[derive(Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        guard::own_pages_only(parts, app.settings.secure)?;
        act(parts, app).map(Self)
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Enroller(act) = Enroller::from_request_parts(parts, app).await?;
        match act.actor {
            Actor::Enrolling(_) => Err(Error::from(refusal::ENROL_FACTOR).into()),
            Actor::Anonymous
            | Actor::Holder(_)
            | Actor::Staff(_)
            | Actor::Registry(_)
            | Actor::Gateway
            | Actor::System(_) => Ok(Self(act)),
        }
    }
}

impl FromRequestParts<App> for Reaching {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, app).await {
            Ok(Caller(act)) => Ok(Self::Caller(Box::new(act))),
            Err(problem) if problem.is_could_not() => Ok(Self::Unreached(problem, app.clock.now())),
            Err(problem) => Err(problem),
        }
    }
}

impl FromRequestParts<App> for Enroller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        guard::own_pages_only(parts, app.settings.secure)?;
        let mut act = act(parts, app)?;
        let token = guard::session_token(&parts.headers).unwrap_or_default();
        let device = guard::device_secret(&parts.headers, app.settings.secure);
        let (actor, _) = app.authority.authenticate(token, device, act.now).await?;
        act.actor = actor;
        Ok(Self(act))
    }
}

impl FromRequestParts<App> for Source {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut act = act(parts, app)?;
        let token = guard::bearer_token(&parts.headers).unwrap_or_default();
        act.actor = app.authority.authenticate_source(token).await?;
        Ok(Self(act))
    }
}

impl FromRequestParts<App> for Gateway {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut act = act(parts, app)?;
        let token = guard::bearer_token(&parts.headers).unwrap_or_default();
        act.actor = app.authority.authenticate_gateway(token)?;
        Ok(Self(act))
    }
}

impl FromRequestParts<App> for SessionToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let token = guard::session_token(&parts.headers);
        Ok(Self(token.map(str::to_owned)))
    }
}

impl FromRequestParts<App> for Device {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let secret = guard::device_secret(&parts.headers, app.settings.secure);
        Ok(Self {
            secret: secret.map(|secret| Zeroizing::new(secret.to_owned())),
            kind: client_kind(&parts.headers),
        })
    }
}

impl Device {
    pub(crate) fn client(&self) -> Client<'_> {
        Client {
            device: self.secret(),
            kind: self.kind,
        }
    }

    pub(crate) fn secret(&self) -> Option<&str> {
        self.secret.as_ref().map(|secret| secret.as_str())
    }
}

/// Coarse on purpose: it is shown to the driver among their devices, and tells nobody else apart.
fn client_kind(headers: &HeaderMap) -> ClientKind {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let says = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    if says(&["Mobile", "Android", "iPhone", "iPad", "HarmonyOS"]) {
        ClientKind::Phone
    } else if says(&["Windows", "Macintosh", "Linux", "CrOS"]) {
        ClientKind::Computer
    } else {
        ClientKind::Other
    }
}

impl<T: DeserializeOwned> FromRequestParts<App> for QueryOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(_rejection) => Err(Problem::invalid(vec![ReasonView {
                code: "wrong-query".to_owned(),
                rule: None,
                field: None,
                zh: "查询参数不符合接口文档".to_owned(),
                en: "The query does not follow the API document".to_owned(),
                clears_zh: None,
                clears_en: None,
            }])),
        }
    }
}

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        idempotency_key(&parts.headers).map(Self)
    }
}

fn act(parts: &Parts, app: &App) -> Result<Act, Problem> {
    let Some(RequestId(request)) = parts.extensions.get() else {
        return Err(Error::Internal("a request without an identifier").into());
    };
    Ok(Act {
        actor: Actor::Anonymous,
        now: app.clock.now(),
        request: request.clone(),
        source: source(parts, &app.settings.proxies),
        rng: app.entropy.rng(),
    })
}

/// Where a request comes from: the peer or, behind a proxy of the operator's, the address that this
/// proxy saw. What anybody else writes into the header counts for nothing.
fn source(parts: &Parts, proxies: &[IpAddr]) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let peer = peer.ip();
    if !proxies.contains(&peer) {
        return Some(peer);
    }
    let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back();
    forwarded
        .and_then(|value| value.to_str().ok())
        .and_then(|list| list.rsplit(',').next())
        .and_then(|last| last.trim().parse().ok())
        .or(Some(peer))
}

/// One key of 1 to 128 visible ASCII characters, or none.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let good = value.to_str().ok().filter(|key| {
        (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    });
    match (good, values.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => Err(Problem::invalid(vec![ReasonView {
            code: "invalid-idempotency-key".to_owned(),
            rule: None,
            field: Some("Idempotency-Key".to_owned()),
            zh: "Idempotency-Key 须为一个 1 至 128 个可见 ASCII 字符的值".to_owned(),
            en: "Idempotency-Key is one value of 1 to 128 visible ASCII characters".to_owned(),
            clears_zh: None,
            clears_en: None,
        }])),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_operators_proxy_says_where_a_request_comes_from() {
        let from = |peer: &str, forwarded: &[&str]| {
            let mut request = axum::http::Request::new(());
            let peer: IpAddr = peer.parse().unwrap();
            let peer = SocketAddr::new(peer, 1);
            request.extensions_mut().insert(ConnectInfo(peer));
            for value in forwarded {
                let value = HeaderValue::from_str(value).unwrap();
                request.headers_mut().append("x-forwarded-for", value);
            }
            let proxy: IpAddr = "192.0.2.9".parse().unwrap();
            source(&request.into_parts().0, &[proxy]).map(|source| source.to_string())
        };
        let stranger = Some("198.51.100.7".to_owned());
        assert_eq!(from("198.51.100.7", &["203.0.113.1"]), stranger);
        assert_eq!(from("192.0.2.9", &["203.0.113.1, 198.51.100.7"]), stranger);
        assert_eq!(
            from("192.0.2.9", &["203.0.113.1", "198.51.100.7"]),
            stranger
        );
        let proxy = Some("192.0.2.9".to_owned());
        assert_eq!(from("192.0.2.9", &[]), proxy);
        assert_eq!(from("192.0.2.9", &["anything"]), proxy);
    }

    #[test]
    fn clients_are_told_apart_coarsely() {
        for (agent, kind) in [
            ("Mozilla/5.0 (Linux; Android 14) Mobile", ClientKind::Phone),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17)", ClientKind::Phone),
            ("Mozilla/5.0 (X11; Linux x86_64)", ClientKind::Computer),
            ("Mozilla/5.0 (Windows NT 10.0)", ClientKind::Computer),
            ("curl/8", ClientKind::Other),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("user-agent", HeaderValue::from_static(agent));
            assert_eq!(client_kind(&headers), kind, "{agent}");
        }
        assert_eq!(client_kind(&HeaderMap::new()), ClientKind::Other);
    }

    fn key(values: &[&str]) -> Result<Option<String>, &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append("idempotency-key", value);
        }
        idempotency_key(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn a_key_is_one_value_of_visible_characters() {
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&["a-1"]), Ok(Some("a-1".to_owned())));
        let longest = "k".repeat(128);
        assert_eq!(key(&[&longest]), Ok(Some(longest.clone())));
        for bad in ["", "a b", "键", &format!("{longest}k")] {
            assert_eq!(key(&[bad]), Err("invalid-request"), "{bad}");
        }
        assert_eq!(key(&["a", "b"]), Err("invalid-request"));
    }
}
