//! The walk's HTTP client: JSON in, JSON out, a session cookie in between.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Method, Request, Response,
    body::{Bytes, Incoming},
    header,
};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::time::timeout;

use crate::failure::Failure;

/// No step takes as long.
const PATIENCE: Duration = Duration::from_mins(1);

/// A client with its session or token.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    base: String,
    headers: HeaderMap,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

/// An open stream of server-sent events.
#[derive(Debug)]
pub(super) struct Events {
    body: Incoming,
    text: String,
}

impl Client {
    pub(super) fn new(base_url: &str) -> Self {
        Self {
            http: legacy::Client::builder(TokioExecutor::new()).build_http(),
            base: format!("{base_url}/api/v1"),
            headers: HeaderMap::new(),
        }
    }

    /// The same with another header on every request.
    pub(super) fn with(mut self, name: header::HeaderName, value: &str) -> Result<Self, Failure> {
        let value = value.parse().map_err(|_no_header| broken("a header"))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// The same with the session, and the device if there is one, that an answer made.
    pub(super) fn with_session(self, answer: &Answer) -> Result<Self, Failure> {
        let cookies: Vec<&str> = answer
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .filter_map(|value| value.split(';').next())
            .collect();
        if cookies.is_empty() {
            return Err(broken("no session cookie came"));
        }
        let cookie = cookies.join("; ");
        self.with(header::COOKIE, &cookie)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let json = Bytes::from(body.to_string());
        self.send(Method::POST, path, json).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let json = Bytes::from(body.to_string());
        self.send(Method::PUT, path, json).await
    }

    /// Opens the stream of live events.
    pub(super) async fn events(&self, path: &str) -> Result<Events, Failure> {
        let response = self.request(Method::GET, path, Bytes::new()).await?;
        if response.status() != 200 {
            return Err(broken(&format!("{path} answered {}", response.status())));
        }
        Ok(Events {
            body: response.into_body(),
            text: String::new(),
        })
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, Failure> {
        let response = self.request(method, path, body).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = timeout(PATIENCE, response.into_body().collect())
            .await
            .map_err(|_too_long| broken(&format!("{path} did not end")))?
            .map_err(|error| broken(&format!("{path}: {error}")))?;
        Ok(Answer {
            status,
            headers,
            body: body.to_bytes(),
        })
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        let uri = format!("{}{path}", self.base);
        *request.uri_mut() = uri.parse().map_err(|_no_uri| broken("an address"))?;
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
        timeout(PATIENCE, self.http.request(request))
            .await
            .map_err(|_too_long| broken(&format!("{path} did not answer")))?
            .map_err(|error| broken(&format!("{path}: {error}")))
    }
}

impl Answer {
    /// The body of an answer with this status.
    pub(super) fn json(&self, status: u16) -> Result<Value, Failure> {
        if self.status != status {
            return Err(broken(&format!("{status} was expected, {}", self.told())));
        }
        serde_json::from_slice(&self.body).map_err(|error| broken(&error.to_string()))
    }

    /// The bytes of an answer with this status.
    pub(super) fn bytes(&self, status: u16) -> Result<Vec<u8>, Failure> {
        if self.status == status {
            Ok(self.body.to_vec())
        } else {
            Err(broken(&format!("{status} was expected, {}", self.told())))
        }
    }

    /// The codes of the reasons of a refusal with this status and code.
    pub(super) fn refused(&self, status: u16, code: &str) -> Result<String, Failure> {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let kind = format!("urn:jiazhao:problem:{code}");
        if self.status != status || problem.get("type").and_then(Value::as_str) != Some(&kind) {
            let told = self.told();
            return Err(broken(&format!("{status} {code} was expected, {told}")));
        }
        let codes: Vec<&str> = problem
            .get("reasons")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|reason| reason.get("code")?.as_str())
            .collect();
        let title = text(&problem, "/title");
        let because = if codes.is_empty() {
            String::new()
        } else {
            format!(" [{}]", codes.join(", "))
        };
        Ok(format!("{status} {code}{because} {title}"))
    }

    fn told(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        format!("{} {} came", self.status, text(&problem, "/type"))
    }
}

impl Events {
    /// Waits until an event of this kind has come.
    pub(super) async fn wait_for(&mut self, kind: &str) -> Result<(), Failure> {
        let line = format!("event: {kind}\n");
        while !self.text.contains(&line) {
            let frame = timeout(PATIENCE, self.body.frame())
                .await
                .map_err(|_too_long| broken(&format!("no event {kind} came")))?
                .ok_or_else(|| broken("the stream of events ended"))?
                .map_err(|error| broken(&error.to_string()))?;
            if let Some(data) = frame.data_ref() {
                self.text.push_str(&String::from_utf8_lossy(data));
            }
        }
        Ok(())
    }
}

/// A text in an answer, empty where it is not.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The walk met something else than it expected.
pub(super) fn broken(what: &str) -> Failure {
    Failure::new(
        "walk-unexpected",
        "演示流程的结果与预期不符",
        "The walk met something that it did not expect",
    )
    .about(what)
}
