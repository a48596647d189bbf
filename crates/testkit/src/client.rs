//! A client of the app in process: keeps its cookies as a browser does.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, header},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// A client.
#[derive(Debug)]
pub struct Client {
    router: Router,
    cookies: Mutex<BTreeMap<String, String>>,
    token: Option<String>,
    address: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(router: Router) -> Self {
        // Each client at an address of its own (documentation range 198.18.0.0/15).
        static CLIENTS: AtomicU32 = AtomicU32::new(0);
        let number = CLIENTS.fetch_add(1, Ordering::Relaxed) % (1 << 17);
        let first = u32::from(Ipv4Addr::new(198, 18, 0, 0));
        let address = Ipv4Addr::from(first + number);
        Self {
            router,
            cookies: Mutex::default(),
            token: None,
            address: SocketAddr::from((address, 40_000)),
        }
    }

    /// The same at the address of another: from one network.
    #[must_use]
    pub fn at_address_of(mut self, other: &Self) -> Self {
        self.address = other.address;
        self
    }

    /// The same with a bearer token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// `GET` a path under `/api/v1`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path), Body::empty())
            .await
    }

    /// `POST` JSON to a path under `/api/v1`.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_bytes(path, "application/json", body.to_string())
            .await
    }

    /// `POST` JSON with an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, body: &Value, key: &str) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", key);
        self.send(request, Body::from(body.to_string())).await
    }

    /// `PUT` JSON to a path under `/api/v1`.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::PUT, path)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request, Body::from(body.to_string())).await
    }

    /// `POST` any body of any type.
    pub async fn post_bytes(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, content_type);
        self.send(request, body.into()).await
    }

    /// `DELETE` a path under `/api/v1`.
    pub async fn delete(&self, path: &str) -> Answer {
        let request = self
            .request(Method::DELETE, path)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request, Body::empty()).await
    }

    /// The next event of a stream under `/api/v1`: opens it and answers a reader.
    pub async fn stream(&self, path: &str) -> Body {
        let request = self.request(Method::GET, path);
        let request = request.body(Body::empty()).expect("a request");
        let answer = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("the router answers");
        assert_eq!(answer.status(), 200);
        answer.into_body()
    }

    /// A request with the session at hand.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let uri =
            if path.starts_with("/api") || ["/", "/metrics"].contains(&path) || path.ends_with('z')
            {
                path.to_owned()
            } else {
                format!("/api/v1{path}")
            };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, "localhost:8080")
            .extension(ConnectInfo(self.address));
        let cookies = self.cookies();
        if !cookies.is_empty() {
            let pairs: Vec<String> = cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request
    }

    /// Its cookies.
    ///
    /// # Panics
    /// When a test panicked while it used them.
    #[must_use]
    pub fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.lock().expect("no test panicked").clone()
    }

    /// Another client, elsewhere, on the same device as this one: without its session.
    #[must_use]
    pub fn on_same_device(&self) -> Self {
        let other = Self::new(self.router.clone());
        if let Some(secret) = self.cookies().get("jz_device") {
            other.set_cookie("jz_device", secret);
        }
        other
    }

    /// Plants a cookie, or takes one away by an empty value.
    ///
    /// # Panics
    /// When a test panicked while it used them.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().expect("no test panicked");
        if value.is_empty() {
            cookies.remove(name);
        } else {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Sends a request and keeps the cookies of its answer.
    pub async fn send(&self, request: axum::http::request::Builder, body: Body) -> Answer {
        let request = request.body(body).expect("a request");
        let answer = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("the router answers");
        let (parts, body) = answer.into_parts();
        for set in parts.headers.get_all(header::SET_COOKIE) {
            let pair = set.to_str().ok().and_then(|text| text.split(';').next());
            if let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) {
                self.set_cookie(name, value);
            }
        }
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.to_vec(),
        }
    }
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The JSON of an answer that says the act was done.
    ///
    /// # Panics
    /// When it was not.
    #[expect(clippy::must_use_candidate, reason = "often only the check counts")]
    pub fn done(&self) -> Value {
        assert!((200..300).contains(&self.status), "{}", self.text());
        self.expect(self.status)
    }

    /// The JSON of an answer with this status.
    ///
    /// # Panics
    /// When the status is another.
    #[expect(clippy::must_use_candidate, reason = "often only the check counts")]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The reasons of a problem with this status and code.
    ///
    /// # Panics
    /// When it is another.
    pub fn problem(&self, status: u16, code: &str) -> Vec<String> {
        assert_eq!(self.status, status, "{}", self.text());
        let problem = self.json();
        assert_eq!(
            self.headers
                .get(header::CONTENT_TYPE)
                .map(axum::http::HeaderValue::as_bytes),
            Some(&b"application/problem+json"[..])
        );
        assert_eq!(problem["type"], format!("urn:jiazhao:problem:{code}"));
        problem["reasons"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|reason| reason["code"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}
