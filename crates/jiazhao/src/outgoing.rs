//! HTTP that leaves: one client for every service outside that this platform asks.
//!
//! Certificates are verified, redirects are not followed (a token must not travel on), an answer is
//! read up to a limit, and a request ends within its time, whatever the other side does.

use std::{fmt, fs, path::Path, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Uri,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue},
};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connect, HttpConnector},
    },
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::{config::Peer, failure::Failure};

/// Bytes of an answer that are read.
pub(crate) const MOST_OF_AN_ANSWER: usize = 256 * 1024;
/// Shortest and longest token.
const TOKEN: std::ops::RangeInclusive<usize> = 16..=512;

/// A service and how it is asked.
pub(crate) struct Caller {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    headers: HeaderMap,
    patience: Duration,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The body; none where it was longer than is read.
    pub(crate) body: Option<Bytes>,
    /// By what the service knows it (`ETag`).
    pub(crate) etag: Option<String>,
}

/// Nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// The service cannot be reached, or is not the one that its certificate should name.
    Unreachable,
    /// It took too long.
    TimedOut,
}

impl Caller {
    /// Reads the token and the roots.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else.
    pub(crate) fn new(peer: &Peer) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(file) = &peer.token_file {
            let bearer = Zeroizing::new(format!("Bearer {}", *token(file)?));
            let mut value = HeaderValue::from_str(&bearer).map_err(|_odd| no_token(file))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        // Which addresses may go without TLS was settled when the configuration was read.
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trust(peer.ca_file.as_deref())?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            url: peer.url.clone(),
            headers,
            patience: peer.timeout,
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &Uri {
        &self.url
    }

    /// `GET`s its address with a query.
    ///
    /// # Errors
    /// [`NoReply`].
    pub(crate) async fn get(&self, query: &str) -> Result<Reply, NoReply> {
        let url = format!("{}?{query}", self.url);
        let url: Uri = url.parse().map_err(|_no_uri| NoReply::Unreachable)?;
        self.ask(Request::new(Full::default()), url, MOST_OF_AN_ANSWER)
            .await
    }

    /// `GET`s what lies at a path beneath its address, up to so many bytes, with more headers.
    ///
    /// # Errors
    /// [`NoReply`].
    pub(crate) async fn fetch(
        &self,
        path: &str,
        headers: HeaderMap,
        most: usize,
    ) -> Result<Reply, NoReply> {
        let base = self.url.to_string();
        let url = format!("{}{path}", base.trim_end_matches('/'));
        let url: Uri = url.parse().map_err(|_no_uri| NoReply::Unreachable)?;
        let mut request = Request::new(Full::default());
        *request.headers_mut() = headers;
        self.ask(request, url, most).await
    }

    /// `POST`s a body with one more header.
    ///
    /// # Errors
    /// [`NoReply`].
    pub(crate) async fn post(
        &self,
        content_type: &'static str,
        (name, value): (HeaderName, HeaderValue),
        body: Bytes,
    ) -> Result<Reply, NoReply> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(name, value);
        let content_type = HeaderValue::from_static(content_type);
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        self.ask(request, self.url.clone(), MOST_OF_AN_ANSWER).await
    }

    async fn ask(
        &self,
        mut request: Request<Full<Bytes>>,
        url: Uri,
        most: usize,
    ) -> Result<Reply, NoReply> {
        *request.uri_mut() = url;
        request.headers_mut().extend(self.headers.clone());
        answer(&self.http, request, (self.patience, most)).await
    }
}

/// What comes back of a request within its time.
///
/// # Errors
/// [`NoReply`].
pub(crate) async fn answer<C: Connect + Clone + Send + Sync + 'static>(
    http: &legacy::Client<C, Full<Bytes>>,
    request: Request<Full<Bytes>>,
    (patience, most): (Duration, usize),
) -> Result<Reply, NoReply> {
    let host = request.uri().host().unwrap_or_default().to_owned();
    let answered = async {
        let response = http.request(request).await.map_err(|error| {
            // It names addresses and certificates, never what was sent.
            tracing::debug!(host, %error, "no answer");
            NoReply::Unreachable
        })?;
        let status = response.status().as_u16();
        let etag = response.headers().get(ETAG);
        let etag = etag.and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = Limited::new(response.into_body(), most);
        let body = match body.collect().await {
            Ok(body) => Some(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => None,
            Err(_cut_short) => return Err(NoReply::Unreachable),
        };
        Ok(Reply { status, body, etag })
    };
    let answered = timeout(patience, answered).await;
    answered.unwrap_or(Err(NoReply::TimedOut))
}

/// Does not name the headers, among which is the token.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The token in a file: one line of visible characters.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub(crate) fn token(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = fs::read_to_string(file).map(Zeroizing::new);
    let text =
        text.map_err(|error| no_token(file).about(format!("{}: {error}", file.display())))?;
    let token = text.trim();
    let good = TOKEN.contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    if good {
        Ok(Zeroizing::new(token.to_owned()))
    } else {
        Err(no_token(file))
    }
}

fn no_token(file: &Path) -> Failure {
    Failure::new(
        "token-file",
        "令牌文件无法读取，或内容不是一行 16 至 512 个可见字符",
        "The token file cannot be read, or does not hold one line of 16 to 512 visible characters",
    )
    .about(file.display())
}

/// Whom to believe: the roots of a file, or the public ones.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub(crate) fn trust(file: Option<&Path>) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(&error))?;
    let config = match file {
        Some(file) => config.with_root_certificates(read_roots(file)?),
        None => config.with_webpki_roots(),
    };
    Ok(config.with_no_client_auth())
}

fn read_roots(file: &Path) -> Result<RootCertStore, Failure> {
    let bad = |about: String| {
        Failure::new(
            "ca-file",
            "根证书文件无法读取，或其中没有 PEM 格式的证书",
            "The file of root certificates cannot be read, or holds no certificate in PEM",
        )
        .about(format!("{}: {about}", file.display()))
    };
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("-".to_owned()));
    }
    Ok(roots)
}

fn tls(error: &dyn fmt::Display) -> Failure {
    Failure::new("tls", "无法建立 TLS 配置", "TLS cannot be configured").about(error)
}
