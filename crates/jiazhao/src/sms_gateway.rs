//! The text gateway (短信网关) over HTTP. The request is documented in docs/integration.md.

use std::{future::Future, pin::Pin};

use authority::notify::{NotSent, Notifier, Sent, Text};
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
/// Characters of the gateway's own name for a text that are kept.
const LONGEST_REFERENCE: usize = 64;

/// Hands texts to a gateway, one request each.
#[derive(Debug)]
pub struct SmsGateway {
    caller: Caller,
}

#[derive(Serialize)]
struct Handed<'a> {
    id: &'a str,
    kind: &'a str,
    to: &'a str,
    text: &'a str,
    text_en: &'a str,
}

/// What a gateway may say besides that it took the text.
#[derive(Default, Deserialize)]
struct Taken {
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    delivered: bool,
}

impl SmsGateway {
    /// The gateway at an address.
    ///
    /// # Errors
    /// When its token or certificates cannot be read.
    pub fn new(peer: &Peer) -> Result<Self, Failure> {
        Ok(Self {
            caller: Caller::new(peer)?,
        })
    }

    async fn hand_over(&self, text: &Text) -> Result<Sent, NotSent> {
        let handed = Handed {
            id: text.id.as_str(),
            kind: text.kind.as_str(),
            to: &text.to,
            text: &text.zh,
            text_en: &text.en,
        };
        let body = serde_json::to_vec(&handed).map_err(|_not_json| NotSent::Never("not-json"))?;
        let key = HeaderValue::from_str(text.id.as_str());
        let key = key.map_err(|_not_a_header| NotSent::Never("not-json"))?;
        let reply = self
            .caller
            .post(
                "application/json",
                (IDEMPOTENCY_KEY, key),
                Bytes::from(body),
            )
            .await
            .map_err(|nothing| match nothing {
                NoReply::Unreachable => NotSent::Later("unreachable"),
                NoReply::TimedOut => NotSent::Later("timeout"),
            })?;
        told(&reply)
    }
}

impl Notifier for SmsGateway {
    fn send<'a>(
        &'a self,
        text: &'a Text,
    ) -> Pin<Box<dyn Future<Output = Result<Sent, NotSent>> + Send + 'a>> {
        Box::pin(self.hand_over(text))
    }
}

fn told(reply: &Reply) -> Result<Sent, NotSent> {
    match reply.status {
        200..=299 => Ok(taken(reply)),
        // Nobody is handed a phone number whom the operator did not name. Once the address is put
        // right the text still leaves.
        300..=399 => Err(NotSent::Later("redirected")),
        408 | 429 => Err(NotSent::Later("busy")),
        400..=499 => Err(NotSent::Never("refused")),
        _ => Err(NotSent::Later("gateway-error")),
    }
}

/// The status says that the text was taken; an answer that cannot be read takes nothing back, and
/// handing the text over again could send it twice.
fn taken(reply: &Reply) -> Sent {
    let body = reply.body.as_deref().unwrap_or_default();
    let taken: Taken = serde_json::from_slice(body).unwrap_or_default();
    let reference = taken.reference.filter(|reference| {
        let shown = reference.bytes().all(|byte| byte.is_ascii_graphic());
        shown && (1..=LONGEST_REFERENCE).contains(&reference.len())
    });
    Sent {
        reference,
        delivered: taken.delivered,
    }
}
