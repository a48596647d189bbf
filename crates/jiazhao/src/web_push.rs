//! Web Push (网页推送): RFC 8030 requests to the services that browsers name, encrypted for the browser
//! (RFC 8291) and signed by this installation's key (RFC 8292).
//!
//! Every address comes from a client and may name anything. Requests go by https to the hosts of the
//! configuration only, to no private address unless the operator named that host, and nowhere by a
//! redirect.

mod endpoint;
mod message;
mod vapid;

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use authority::{
    notify::{NotSent, Sent},
    push::{Push, PushService, Urgency},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Uri,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use rand::Rng as _;
use service::Entropy;
use zeroize::Zeroizing;

use crate::{
    config::WebPush as Configured,
    failure::Failure,
    outgoing::{self, MOST_OF_AN_ANSWER, NoReply, Reply},
};
use endpoint::PublicOnly;
use message::Recipient;

const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const TOPIC: HeaderName = HeaderName::from_static("topic");

/// Sends pushes to the services of the configuration.
pub struct WebPush {
    http: legacy::Client<HttpsConnector<HttpConnector<PublicOnly>>, Full<Bytes>>,
    configured: Configured,
    entropy: Arc<dyn Entropy>,
}

impl WebPush {
    /// By the configuration; each push is encrypted with randomness of its own.
    ///
    /// # Errors
    /// When certificates cannot be read.
    pub fn new(configured: &Configured, entropy: Arc<dyn Entropy>) -> Result<Self, Failure> {
        let mut http = HttpConnector::new_with_resolver(PublicOnly::but_for(configured));
        http.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(outgoing::trust(configured.ca_file.as_deref())?)
            .https_only()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            configured: configured.clone(),
            entropy,
        })
    }

    async fn hand_over(&self, push: &Push) -> Result<Sent, NotSent> {
        // What was allowed when the browser subscribed may not be any more.
        let url = endpoint::allowed(&self.configured, &push.target.endpoint);
        let url = url.ok_or(NotSent::Never("endpoint-refused"))?;
        let body = self.encrypted(push)?;
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = self.headers(push, &url)?;
        *request.uri_mut() = url;
        let patience = Duration::from_secs(self.configured.timeout_seconds.into());
        let reply = outgoing::answer(&self.http, request, (patience, MOST_OF_AN_ANSWER)).await;
        told(reply)
    }

    fn encrypted(&self, push: &Push) -> Result<Vec<u8>, NotSent> {
        let recipient = Recipient::read(&push.target).ok_or(NotSent::Never("no-keys"))?;
        let mut rng = self.entropy.rng();
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let mut one_time = Zeroizing::new([0; 32]);
        rng.fill_bytes(one_time.as_mut_slice());
        let record = message::padded(&push.payload).ok_or(NotSent::Never("too-long"))?;
        // A draw that is no key, once in 2^32, is drawn anew next time.
        message::sealed(&recipient, &one_time, &salt, &record).ok_or(NotSent::Later("no-key"))
    }

    fn headers(&self, push: &Push, url: &Uri) -> Result<HeaderMap, NotSent> {
        let unfit = NotSent::Never("no-header");
        let mut headers = HeaderMap::new();
        let claims = vapid::Claims {
            audience: url,
            contact: &self.configured.contact,
            now: push.now,
        };
        let signed = vapid::authorization(&claims, push.key.as_ref());
        let signed = signed.ok_or(NotSent::Later("no-signature"))?;
        let mut signed = HeaderValue::from_str(&signed).map_err(|_odd| unfit)?;
        signed.set_sensitive(true);
        headers.insert(AUTHORIZATION, signed);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        let binary = HeaderValue::from_static("application/octet-stream");
        headers.insert(CONTENT_TYPE, binary);
        headers.insert(TTL, HeaderValue::from(push.ttl));
        let urgency = match push.urgency {
            Urgency::Normal => "normal",
            Urgency::High => "high",
        };
        headers.insert(URGENCY, HeaderValue::from_static(urgency));
        if let Some(topic) = &push.topic {
            let topic = HeaderValue::from_str(topic).map_err(|_odd| unfit)?;
            headers.insert(TOPIC, topic);
        }
        Ok(headers)
    }
}

impl PushService for WebPush {
    fn takes(&self, endpoint: &str) -> bool {
        endpoint::allowed(&self.configured, endpoint).is_some()
    }

    fn send<'a>(
        &'a self,
        push: &'a Push,
    ) -> Pin<Box<dyn Future<Output = Result<Sent, NotSent>> + Send + 'a>> {
        Box::pin(self.hand_over(push))
    }
}

fn told(reply: Result<Reply, NoReply>) -> Result<Sent, NotSent> {
    let reply = reply.map_err(|nothing| match nothing {
        NoReply::Unreachable => NotSent::Later("unreachable"),
        NoReply::TimedOut => NotSent::Later("timeout"),
    })?;
    match reply.status {
        // A service says that it took it, never that it arrived (RFC 8030, 5).
        200..=299 => Ok(Sent {
            reference: None,
            delivered: false,
        }),
        404 | 410 => Err(NotSent::Gone),
        408 | 429 => Err(NotSent::Later("busy")),
        300..=499 => Err(NotSent::Never("refused")),
        _ => Err(NotSent::Later("service-error")),
    }
}

/// Base64url without padding, as all of this is written.
fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl fmt::Debug for WebPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebPush")
            .field("configured", &self.configured)
            .finish_non_exhaustive()
    }
}
