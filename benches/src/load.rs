//! The client: keep-alive connections, each sending its next request when the last is answered, on
//! one thread of its own beside the server's.

use std::{
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use crate::figure::{Failed, rate};

/// Connections of every load.
pub(crate) const CONNECTIONS: usize = 16;

/// A server and what it is asked; none when there is nothing more to ask.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) next: Arc<dyn Fn() -> Option<Request<Full<Bytes>>> + Send + Sync>,
}

impl Target {
    /// Requests answered with success in a second.
    pub(crate) async fn load(&self, time: Duration) -> Result<f64, Failed> {
        let (told, wait) = tokio::sync::oneshot::channel();
        let target = self.clone();
        let client = thread::spawn(move || {
            // A measurement that nobody waits for any more is of no use.
            told.send(target.run(time)).ok();
        });
        let rate = wait.await?;
        client
            .join()
            .map_err(|_panicked| Failed::new("the client panicked"))?;
        rate
    }

    fn run(&self, time: Duration) -> Result<f64, Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut senders = Vec::new();
            for _ in 0..CONNECTIONS {
                senders.push(self.connect().await?);
            }
            let started = Instant::now();
            let mut connections = JoinSet::new();
            for sender in senders {
                connections.spawn(ask(self.clone(), sender, started, time));
            }
            let mut answered = 0_u64;
            while let Some(count) = connections.join_next().await {
                answered = answered.saturating_add(count??);
            }
            Ok(rate(answered, started.elapsed()))
        })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failed> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // A connection that breaks fails the request on it.
            connection.await.ok();
        });
        Ok(sender)
    }
}

async fn ask(
    target: Target,
    mut sender: SendRequest<Full<Bytes>>,
    started: Instant,
    time: Duration,
) -> Result<u64, Failed> {
    let mut answered = 0_u64;
    while started.elapsed() < time {
        let Some(request) = (target.next)() else {
            break;
        };
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(Failed::new(format!("answered with {status}: {body}")));
        }
        answered = answered.saturating_add(1);
    }
    Ok(answered)
}
