//! `verify-numeric`: a code typed or scanned, over HTTP; code used up and look-up audited on disk
//! before the answer.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::body::Bytes;
use credential::NumericCode;
use http_body_util::Full;
use hyper::{Method, Request, header};
use jiazhao::server;
use jiff::SignedDuration;
use rand::{SeedableRng as _, rngs::StdRng};
use storage::{NumericCodeRow, Partition, audit::Entry};
use tokio::sync::oneshot;

use crate::{
    figure::{Failed, Rounds, note, process_time},
    group::Extent,
    load::{CONNECTIONS, Target},
    peers::{self, DurableInsert},
    platform::{Licensed, NOW, Platform},
    postgres::Engine,
};

const VERIFY: &str = "verify-numeric";
const HELLO: &str = "http-hello";
const INSERT: &str = "http-durable-insert";
const READ_AND_INSERT: &str = "http-read-and-insert";

/// The still clock never reaches the end of a code.
const CODES_LAST: SignedDuration = SignedDuration::from_hours(1);
const WARM_UP: Duration = Duration::from_millis(150);

/// Length of a load, and codes for all of them.
fn size(extent: Extent) -> (Duration, usize) {
    match extent {
        Extent::Quick => (Duration::from_millis(700), 12_000),
        Extent::Full => (Duration::from_secs(5), 100_000),
    }
}

pub(crate) const ROUNDS: u32 = 3;

/// Measures on one engine.
pub(crate) async fn run(
    platform: &Platform,
    licensed: &[Licensed],
    engine: &Engine,
    extent: Extent,
) -> Result<(), Failed> {
    let (time, codes) = size(extent);
    let began = Instant::now();
    let codes = make_codes(platform, licensed, codes).await?;
    note(&format!(
        "{}; {CONNECTIONS} keep-alive connections from one client thread; {} codes of {} drivers made in {:.1} s; no log",
        engine.durability(),
        codes.len(),
        licensed.len(),
        began.elapsed().as_secs_f64()
    ));
    let (address, stop) = serve(platform).await?;
    let insert = DurableInsert::start(engine).await?;
    let targets = [
        (VERIFY, verifications(address, &platform.police, codes)),
        (HELLO, greetings(peers::hello().await?)),
        (INSERT, inserts(insert.address)),
        (READ_AND_INSERT, inserts(insert.grouped)),
    ];
    let mut rounds = Rounds::default();
    for (_, target) in &targets {
        target.load(WARM_UP).await?;
    }
    for _ in 0..ROUNDS {
        for (name, target) in &targets {
            let before = process_time()?;
            let reached = target.load(time).await?;
            let used = process_time()?.saturating_sub(before);
            rounds.add(name, reached);
            rounds.add(
                &format!("{name}/cpu"),
                used.as_secs_f64() * 1e6 / (reached * time.as_secs_f64()),
            );
        }
    }
    stop.send(()).ok();
    rounds.tell_as(
        &engine.named(VERIFY),
        VERIFY,
        "requests/s",
        &[HELLO, INSERT, READ_AND_INSERT],
    )?;
    for (name, _) in &targets {
        let used = rounds.median(&format!("{name}/cpu")).unwrap_or_default();
        note(&format!(
            "{}: {used:.0} microseconds of processor time a request, the client's included, a database server's not",
            engine.named(name)
        ));
    }
    rounds.tell_as(
        &engine.named(READ_AND_INSERT),
        READ_AND_INSERT,
        "requests/s",
        &[],
    )?;
    rounds.tell_as(&engine.named(HELLO), HELLO, "requests/s", &[])?;
    rounds.tell_as(&engine.named(INSERT), INSERT, "requests/s", &[])
}

/// Codes as the holders' app makes them, many in a transaction: making them is not measured.
async fn make_codes(
    platform: &Platform,
    licensed: &[Licensed],
    count: usize,
) -> Result<Vec<String>, Failed> {
    let store = platform.authority().store();
    let mut rng = StdRng::seed_from_u64(77);
    let mut codes = Vec::with_capacity(count);
    let mut rows: BTreeMap<Partition, Vec<NumericCodeRow>> = BTreeMap::new();
    for licensed in licensed.iter().cycle().take(count) {
        let partition = licensed.holder.partition();
        let code = NumericCode::generate(u8::try_from(partition.number())?, &mut rng);
        rows.entry(partition).or_default().push(NumericCodeRow {
            code: store.blind("numeric-code", code.digits().as_bytes()),
            holder: licensed.holder.clone(),
            e_licence: licensed.current.e_licence.id.clone(),
            made_at: NOW,
            expires_at: NOW.saturating_add(CODES_LAST)?,
        });
        codes.push(code.digits());
    }
    for (partition, rows) in rows {
        let mut tx = store.begin_in(partition).await?;
        for row in &rows {
            tx.insert_numeric_code(row).await?;
        }
        let entry = Entry::new(NOW, "code.made", "system:bench", "bench");
        tx.commit(entry, Vec::new()).await?;
    }
    Ok(codes)
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

fn verifications(address: SocketAddr, token: &str, codes: Vec<String>) -> Target {
    let next = AtomicUsize::new(0);
    let cookie = format!("jz_session={token}");
    Target {
        address,
        next: Arc::new(move || {
            let code = codes.get(next.fetch_add(1, Ordering::Relaxed))?;
            let body = format!(r#"{{"code":"{code}","purpose":"enforcement","class":"C1"}}"#);
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
