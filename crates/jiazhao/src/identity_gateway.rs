//! The identity service (身份认证服务) over HTTP. The request is documented in docs/integration.md.

use std::{future::Future, pin::Pin};

use authority::identity::{IdentityClaim, IdentityService, NotAsked, Proved};
use hyper::{
    body::Bytes,
    header::{HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};

use crate::{
    config::Peer,
    failure::Failure,
    outgoing::{Caller, NoReply, Reply},
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Asks an identity service, one request for each person check.
#[derive(Debug)]
pub struct IdentityGateway {
    caller: Caller,
}

#[derive(Serialize)]
struct Asked<'a> {
    id: &'a str,
    token: &'a str,
    nonce: &'a str,
    name: &'a str,
    licence_number: &'a str,
    birth_date: String,
}

#[derive(Deserialize)]
struct Answered {
    outcome: String,
}

impl IdentityGateway {
    /// The service at an address.
    ///
    /// # Errors
    /// When its token or certificates cannot be read.
    pub fn new(peer: &Peer) -> Result<Self, Failure> {
        Ok(Self {
            caller: Caller::new(peer)?,
        })
    }

    async fn ask(&self, claim: &IdentityClaim) -> Result<Proved, NotAsked> {
        let asked = Asked {
            id: claim.check.as_str(),
            token: &claim.token,
            nonce: &claim.nonce,
            name: &claim.name,
            licence_number: &claim.licence_number,
            birth_date: claim.birth_date.to_string(),
        };
        let body = serde_json::to_vec(&asked).map_err(|_not_json| NotAsked("not-json"))?;
        let key = HeaderValue::from_str(claim.check.as_str());
        let key = key.map_err(|_not_a_header| NotAsked("not-json"))?;
        let reply = self
            .caller
            .post(
                "application/json",
                (IDEMPOTENCY_KEY, key),
                Bytes::from(body),
            )
            .await
            .map_err(|nothing| match nothing {
                NoReply::Unreachable => NotAsked("unreachable"),
                NoReply::TimedOut => NotAsked("timeout"),
            })?;
        answered(&reply)
    }
}

impl IdentityService for IdentityGateway {
    fn prove<'a>(
        &'a self,
        claim: &'a IdentityClaim,
    ) -> Pin<Box<dyn Future<Output = Result<Proved, NotAsked>> + Send + 'a>> {
        Box::pin(self.ask(claim))
    }
}

/// Only a whole answer that says so is a match: whatever cannot be read proves nobody.
fn answered(reply: &Reply) -> Result<Proved, NotAsked> {
    match reply.status {
        200 => {}
        300..=399 => return Err(NotAsked("redirected")),
        408 | 429 => return Err(NotAsked("busy")),
        400..=499 => return Err(NotAsked("refused")),
        _ => return Err(NotAsked("service-error")),
    }
    let body = reply.body.as_deref().unwrap_or_default();
    let answered: Answered =
        serde_json::from_slice(body).map_err(|_other_form| NotAsked("unreadable"))?;
    match answered.outcome.as_str() {
        "match" => Ok(Proved::Match),
        "reject" => Ok(Proved::Reject),
        "officer" => Ok(Proved::Officer),
        _ => Err(NotAsked("unreadable")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: Option<&'static str>) -> Result<Proved, NotAsked> {
        answered(&Reply {
            status,
            body: body.map(|body| Bytes::from_static(body.as_bytes())),
            etag: None,
        })
    }

    #[test]
    fn only_a_whole_answer_that_says_so_is_a_match() {
        assert_eq!(of(200, Some(r#"{"outcome":"match"}"#)), Ok(Proved::Match));
        assert_eq!(of(200, Some(r#"{"outcome":"reject"}"#)), Ok(Proved::Reject));
        assert_eq!(
            of(200, Some(r#"{"outcome":"officer"}"#)),
            Ok(Proved::Officer)
        );
        for (status, body, code) in [
            (200, Some(r#"{"outcome":"Match"}"#), "unreadable"),
            (200, Some(r#"{"outcome":true}"#), "unreadable"),
            (200, Some(""), "unreadable"),
            (200, None, "unreadable"),
            (201, Some(r#"{"outcome":"match"}"#), "service-error"),
            (302, Some(r#"{"outcome":"match"}"#), "redirected"),
            (403, Some(r#"{"outcome":"match"}"#), "refused"),
            (429, None, "busy"),
            (500, Some(r#"{"outcome":"match"}"#), "service-error"),
        ] {
            assert_eq!(of(status, body), Err(NotAsked(code)), "{status} {body:?}");
        }
    }
}
