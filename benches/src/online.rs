//! What a verifier who asks the server waits for, over HTTP, in turn with bare handlers.
//!
//! `verify-numeric` is a code typed or scanned: code used up and look-up audited on disk before the
//! answer. `verify-status` and `verify-full` are codes of bound devices: device's and issuer's
//! signatures checked, code counted as shown, look-up audited as well. A service window sees the
//! status and little else; the police see the record and ask about a class.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::body::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, header};
use jiazhao::server;
use tokio::sync::oneshot;

use crate::{
    dynamic,
    figure::{Failed, Rounds, note, process_time},
    group::Extent,
    load::{CONNECTIONS, Target},
    numeric,
    peers::{self, DurableInsert},
    platform::{Licensed, Platform},
    postgres::Engine,
};

const NUMERIC: &str = "verify-numeric";
const STATUS: &str = "verify-status";
const FULL: &str = "verify-full";
/// What is told of an engine that is not there.
pub(crate) const FIGURES: [&str; 3] = [NUMERIC, STATUS, FULL];
const HELLO: &str = "http-hello";
const INSERT: &str = "http-durable-insert";
const READ_AND_INSERT: &str = "http-read-and-insert";

const POLICE: Asked = ("enforcement", r#","class":"C1""#);
const WINDOW: Asked = ("driver-service", "");

/// The first of the drivers with bound devices; those before show numeric codes.
const BOUND: u64 = 1_000;
const WARM_UP: Duration = Duration::from_millis(100);
pub(crate) const ROUNDS: u32 = 3;

/// A load of codes that bound devices signed, of which there are only so many.
const SHORT: Duration = Duration::from_millis(200);

/// Length of a load, and numeric codes for all of them.
fn size(extent: Extent) -> (Duration, usize) {
    match extent {
        Extent::Quick => (Duration::from_millis(400), 12_000),
        Extent::Full => (Duration::from_secs(5), 100_000),
    }
}

/// Measures on one engine.
pub(crate) async fn run(
    platform: &Platform,
    licensed: &[Licensed],
    engine: &Engine,
    extent: Extent,
) -> Result<(), Failed> {
    let (time, codes) = size(extent);
    let began = Instant::now();
    let codes = numeric::codes(platform, licensed, codes).await?;
    let window = dynamic::codes(platform, BOUND).await?;
    let police = dynamic::codes(platform, BOUND.saturating_add(dynamic::DRIVERS)).await?;
    note(&format!(
        "{}; {CONNECTIONS} keep-alive connections from one client thread; {} numeric codes of {} drivers and {} of {} bound devices made in {:.1} s; no log",
        engine.durability(),
        codes.len(),
        licensed.len(),
        window.len().saturating_add(police.len()),
        dynamic::DRIVERS.saturating_mul(2),
        began.elapsed().as_secs_f64()
    ));
    let (address, stop) = serve(platform).await?;
    let insert = DurableInsert::start(engine).await?;
    let targets = [
        (
            NUMERIC,
            time,
            verifications(address, &platform.police, codes, POLICE),
        ),
        (
            STATUS,
            SHORT,
            verifications(address, &platform.window, window, WINDOW),
        ),
        (
            FULL,
            SHORT,
            verifications(address, &platform.police, police, POLICE),
        ),
        (HELLO, time, greetings(peers::hello().await?)),
        (INSERT, time, inserts(insert.address)),
        (READ_AND_INSERT, time, inserts(insert.grouped)),
    ];
    let rounds = in_turn(&targets).await?;
    stop.send(()).ok();
    tell(engine, &rounds)
}

/// Each in turn, round by round: requests a second, and under `/cpu` microseconds of this process's
/// time a request.
async fn in_turn(targets: &[(&str, Duration, Target)]) -> Result<Rounds, Failed> {
    let mut rounds = Rounds::default();
    for (_, _, target) in targets {
        target.load(WARM_UP).await?;
    }
    for _ in 0..ROUNDS {
        for (name, time, target) in targets {
            let before = process_time()?;
            let reached = target.load(*time).await?;
            let used = process_time()?.saturating_sub(before);
            rounds.add(name, reached);
            rounds.add(
                &format!("{name}/cpu"),
                used.as_secs_f64() * 1e6 / (reached * time.as_secs_f64()),
            );
        }
    }
    Ok(rounds)
}

fn tell(engine: &Engine, rounds: &Rounds) -> Result<(), Failed> {
    let unit = "requests/s";
    for name in FIGURES {
        let peers = [HELLO, INSERT, READ_AND_INSERT];
        rounds.tell_as(&engine.named(name), name, unit, &peers)?;
    }
    for name in [READ_AND_INSERT, HELLO, INSERT] {
        rounds.tell_as(&engine.named(name), name, unit, &[])?;
    }
    for name in [NUMERIC, STATUS, FULL, HELLO, INSERT, READ_AND_INSERT] {
        let used = rounds.median(&format!("{name}/cpu")).unwrap_or_default();
        note(&format!(
            "{}: {used:.0} microseconds of processor time a request, the client's included, a database server's not",
            engine.named(name)
        ));
    }
    Ok(())
}

async fn serve(platform: &Platform) -> Result<(SocketAddr, oneshot::Sender<()>), Failed> {
    let listener = server::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let app = platform.app.clone();
    tokio::spawn(async move {
        let stop = async move {
            // Dropped or told, both end it.
            stopped.await.ok();
        };
        if let Err(failure) = server::serve(&app, listener, stop).await {
            note(&failure.to_string());
        }
    });
    Ok((address, stop))
}

/// A purpose and what else is asked, as JSON.
type Asked = (&'static str, &'static str);

fn verifications(
    address: SocketAddr,
    token: &str,
    codes: Vec<String>,
    (purpose, also): Asked,
) -> Target {
    let next = AtomicUsize::new(0);
    let cookie = format!("jz_session={token}");
    Target {
        address,
        next: Arc::new(move || {
            let code = codes.get(next.fetch_add(1, Ordering::Relaxed))?;
            let body = format!(r#"{{"code":"{code}","purpose":"{purpose}"{also}}}"#);
            request(
                address,
                Method::POST,
                "/api/v1/verifications",
                body,
                Some(&cookie),
            )
        }),
    }
}

fn greetings(address: SocketAddr) -> Target {
    Target {
        address,
        next: Arc::new(move || request(address, Method::GET, "/", String::new(), None)),
    }
}

/// Of about the size of a verification.
fn inserts(address: SocketAddr) -> Target {
    const BODY: &str = r#"{"code":"770000000000000000","purpose":"enforcement","class":"C1"}"#;
    Target {
        address,
        next: Arc::new(move || request(address, Method::POST, "/", BODY.to_owned(), None)),
    }
}

fn request(
    address: SocketAddr,
    method: Method,
    path: &str,
    body: String,
    cookie: Option<&str>,
) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, address.to_string());
    if !body.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    request.body(Full::new(Bytes::from(body))).ok()
}
