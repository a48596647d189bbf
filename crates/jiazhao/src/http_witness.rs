//! A witness of the audit over HTTP. The requests are documented in docs/integration.md.

use std::{future::Future, io::Write as _, pin::Pin};

use authority::{Error, Witness, refusal};
use hyper::{
    body::Bytes,
    header::{HeaderName, HeaderValue},
};
use serde::Deserialize;
use tempfile::NamedTempFile;

use crate::{
    config::Peer,
    failure::Failure,
    outgoing::{Caller, Reply},
};

const AFTER: HeaderName = HeaderName::from_static("jiazhao-after");

/// A service that keeps the lines of checkpoints.
#[derive(Debug)]
pub struct HttpWitness {
    caller: Caller,
}

/// What is read of a line here; the rest is for verification.
#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

impl HttpWitness {
    /// The witness at an address.
    ///
    /// # Errors
    /// When its token or certificates cannot be read.
    pub fn new(peer: &Peer) -> Result<Self, Failure> {
        Ok(Self {
            caller: Caller::new(peer)?,
        })
    }

    /// Everything that it keeps, in a file that verification reads.
    ///
    /// # Errors
    /// When it cannot be reached, or answers something else than lines in order.
    pub async fn copied(&self) -> Result<NamedTempFile, Failure> {
        let mut copy = NamedTempFile::new()?;
        let mut after = 0;
        loop {
            let lines = self.lines(&format!("after={after}")).await?;
            let Some(last) = lines.last() else {
                copy.flush()?;
                return Ok(copy);
            };
            let newest = number_of(last).filter(|newest| *newest > after);
            after = newest.ok_or_else(|| Error::from(refusal::WITNESS_FAILED))?;
            for line in &lines {
                writeln!(copy, "{line}")?;
            }
        }
    }

    /// The lines of an answer.
    async fn lines(&self, query: &str) -> Result<Vec<String>, Error> {
        let reply = self.caller.get(query).await.map_err(|nothing| {
            tracing::warn!(service = %self.caller.url(), ?nothing, "the witness did not answer");
            Error::from(refusal::WITNESS_FAILED)
        })?;
        let body = self.good(reply)?;
        let text = std::str::from_utf8(&body).map_err(|_no_text| refusal::WITNESS_FAILED)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    async fn keep(&self, lines: &[String]) -> Result<(), Error> {
        let first = lines.first().and_then(|line| number_of(line));
        let after = first.map_or(0, |first| first.saturating_sub(1));
        let mut body = String::new();
        for line in lines {
            body.push_str(line);
            body.push('\n');
        }
        let header = (AFTER, HeaderValue::from(after));
        let reply = self
            .caller
            .post("application/x-ndjson", header, Bytes::from(body))
            .await
            .map_err(|nothing| {
                tracing::warn!(service = %self.caller.url(), ?nothing, "the witness did not answer");
                Error::from(refusal::WITNESS_FAILED)
            })?;
        self.good(reply).map(drop)
    }

    fn good(&self, reply: Reply) -> Result<Bytes, Error> {
        let Reply { status, body, .. } = reply;
        match body {
            Some(body) if (200..300).contains(&status) => Ok(body),
            _ => {
                tracing::warn!(service = %self.caller.url(), status, "the witness refused");
                Err(refusal::WITNESS_FAILED.into())
            }
        }
    }
}

impl Witness for HttpWitness {
    fn newest<'a>(
        &'a self,
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>, Error>> + Send + 'a>> {
        Box::pin(async { Ok(self.lines("newest").await?.pop()) })
    }

    fn append<'a>(
        &'a self,
        lines: &'a [String],
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>> {
        Box::pin(self.keep(lines))
    }
}

fn number_of(line: &str) -> Option<u64> {
    let numbered: Numbered = serde_json::from_str(line).ok()?;
    Some(numbered.number)
}
