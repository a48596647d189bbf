//! The server that is asked.

use std::path::Path;

use credential::status_list::token::MAX_TOKEN;
use hyper::{
    HeaderMap,
    header::{ACCEPT, COOKIE, HeaderValue, IF_NONE_MATCH},
};
use zeroize::Zeroizing;

use super::folder::MAX_TRUST;
use crate::{
    config::Peer,
    failure::Failure,
    outgoing::{self, Caller, NoReply, Reply},
};

const CWT: HeaderValue = HeaderValue::from_static("application/statuslist+cwt");

pub(super) struct Server {
    caller: Caller,
    /// The cookie of a verifier's session.
    session: Option<HeaderValue>,
}

/// What was asked for.
pub(super) enum Fetched {
    /// Its bytes, and by what the server knows them.
    New(Vec<u8>, Option<String>),
    /// It is as it was.
    Known,
}

impl Server {
    pub(super) fn new(peer: &Peer, session_file: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self {
            caller: Caller::new(peer)?,
            session: session_file.map(cookie).transpose()?,
        })
    }

    pub(super) async fn trust_list(&self, tag: Option<&str>) -> Result<Fetched, Failure> {
        self.get("/api/v1/trust-list", (tag, None), MAX_TRUST).await
    }

    /// The list in the form for authorised verifiers where there is a session.
    pub(super) async fn status_list(
        &self,
        number: u32,
        tag: Option<&str>,
    ) -> Result<Fetched, Failure> {
        let whose = if self.session.is_some() {
            "verifier/status-lists"
        } else {
            "status-lists"
        };
        let path = format!("/api/v1/{whose}/{number}");
        self.get(&path, (tag, Some(CWT)), MAX_TOKEN).await
    }

    /// Which lists there are, as JSON.
    pub(super) async fn overview(&self) -> Result<Vec<u8>, Failure> {
        match self
            .get("/api/v1/status-lists", (None, None), MAX_TRUST)
            .await?
        {
            Fetched::New(body, _) => Ok(body),
            Fetched::Known => Err(odd(self)),
        }
    }

    async fn get(
        &self,
        path: &str,
        (tag, form): (Option<&str>, Option<HeaderValue>),
        most: usize,
    ) -> Result<Fetched, Failure> {
        let mut headers = HeaderMap::new();
        headers.extend(form.map(|form| (ACCEPT, form)));
        let tag = tag.and_then(|tag| HeaderValue::from_str(tag).ok());
        headers.extend(tag.map(|tag| (IF_NONE_MATCH, tag)));
        headers.extend(self.session.clone().map(|session| (COOKIE, session)));
        let reply = self.caller.fetch(path, headers, most).await;
        match reply.map_err(|none| self.unreached(none))? {
            Reply {
                status: 200,
                body: Some(body),
                etag,
            } => Ok(Fetched::New(body.to_vec(), etag)),
            Reply { status: 304, .. } => Ok(Fetched::Known),
            Reply {
                status: 401 | 403, ..
            } => Err(Failure::new(
                "session-refused",
                "服务器拒绝了会话令牌：请重新登录",
                "The server refuses the session: sign in again",
            )),
            Reply { status, .. } => Err(odd(self).within(format!("HTTP {status}"))),
        }
    }

    fn unreached(&self, none: NoReply) -> Failure {
        let (code, zh, en) = match none {
            NoReply::Unreachable => (
                "server-unreachable",
                "无法连接服务器，或其证书不可信",
                "The server cannot be reached, or its certificate is not trusted",
            ),
            NoReply::TimedOut => (
                "server-timed-out",
                "服务器未在规定时间内应答",
                "The server did not answer in time",
            ),
        };
        Failure::new(code, zh, en).about(self.caller.url())
    }
}

/// The cookie of the session whose token is in the file.
fn cookie(file: &Path) -> Result<HeaderValue, Failure> {
    let token = outgoing::token(file)?;
    let cookie = Zeroizing::new(format!("jz_session={}", token.as_str()));
    let mut value = HeaderValue::from_str(&cookie).map_err(|_odd| {
        Failure::new(
            "session-file",
            "会话令牌文件内容无效",
            "The file holds no token of a session",
        )
        .about(file.display())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// An answer that does not belong to what was asked.
pub(super) fn odd(server: &Server) -> Failure {
    Failure::new(
        "server-answered-otherwise",
        "服务器的应答不符合接口文档或过长",
        "The server's answer does not follow the API document, or is too long",
    )
    .about(server.caller.url())
}
