//! SC-61: SIGKILL at any instant of import, application, review and issue. Afterwards every
//! acknowledged act is there, nobody has two licences, audit and events are whole, and the status
//! in memory is what SQL says.
//!
//! Five rounds an engine; `JIAZHAO_CRASH_ROUNDS=200` for more.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::MetadataExt as _,
    process::{Child, Stdio},
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, body::Bytes};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiazhao::{
    app::{Ambient, App, Options},
    config::Config,
    demo::portraits::Portraits,
};
use rand::RngExt as _;
use storage::{AliasKind, ApplicationId, Partition};

use super::{
    sessions::{Sessions, seed},
    *,
};

/// More than a round gets through, and few enough for 200 rounds of people old enough to drive.
const PEOPLE: u64 = 600;

#[test]
fn sc_61_a_killed_server_on_sqlite_loses_nothing_acknowledged() {
    survive(&Folder::new(), "");
}

#[test]
fn sc_61_a_killed_server_on_postgresql_loses_nothing_acknowledged() {
    let Some(server) = testkit::postgres::Server::shared() else {
        return;
    };
    let folder = Folder::new();
    let config = on_postgresql(&folder, &server.database());
    survive(&folder, &config);
}

/// The settings of a database on a server, with keys in the folder.
pub(crate) fn on_postgresql(folder: &Folder, url: &str) -> String {
    let (master, index) = (
        folder.write_private("secret/master.key", "11".repeat(32)),
        folder.write_private("secret/index.key", "22".repeat(32)),
    );
    format!(
        "[database]\nurl = \"{url}\"\n[keys]\nmaster_file = \"{master}\"\nindex_file = \"{index}\"\n"
    )
}

fn rounds() -> u64 {
    std::env::var_os("JIAZHAO_CRASH_ROUNDS")
        .and_then(|rounds| rounds.into_string().ok())
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(5)
}

/// What the server said was done.
#[derive(Clone, Default)]
pub(crate) struct Acknowledged {
    pub(crate) versions: BTreeMap<String, i64>,
    applications: Vec<String>,
    pub(crate) issued: BTreeMap<String, String>,
}

impl Acknowledged {
    pub(crate) fn count(&self) -> usize {
        self.versions.len() + self.applications.len() + self.issued.len()
    }
}

/// Writes a configuration that serves on any port.
pub(crate) fn configure(folder: &Folder, database: &str) -> String {
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nbase_url = \"http://127.0.0.1:1\"\n{database}"
    );
    folder.write("jiazhao.toml", text)
}

/// An installation with signing keys and an administrator, whose password is answered.
pub(crate) fn install(folder: &Folder, config: &str) -> String {
    let run = |arguments: &[&str]| {
        let run = folder.run(&[&["--config", config], arguments].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        run.out
    };
    run(&["keys", "generate", "--root-out", &folder.path("root.json")]);
    let first = run(&["staff", "bootstrap", "--login", "admin"]);
    first.trim().split_once("  ").unwrap().1.to_owned()
}

fn survive(folder: &Folder, database: &str) {
    let config = configure(folder, database);
    let admin = install(folder, &config);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    let sessions = runtime.block_on(seed(folder, &config, &admin));
    let mut rng = StdRng::seed_from_u64(61);
    // Killed before anything was issued, it would show nothing: then there are more rounds.
    for round in 0.. {
        let enough = !acknowledged.lock().unwrap().issued.is_empty();
        if round >= rounds() && enough {
            break;
        }
        assert!(round < rounds() + 50, "nothing was ever issued");
        let server = Server::start(folder, &config);
        let lives = Duration::from_millis(rng.random_range(100..1200));
        runtime.block_on(async {
            let desk = Desk::open(&server.base, &sessions);
            let work = desk.work(round, acknowledged.clone());
            drop(tokio::time::timeout(lives, work).await);
        });
        drop(server);
        let known = acknowledged.lock().unwrap();
        runtime.block_on(check(folder, &config, &known));
    }
    let known = acknowledged.lock().unwrap();
    let told = writeln!(
        std::io::stderr().lock(),
        "{} records, {} applications, {} e-licences acknowledged, none lost",
        known.versions.len(),
        known.applications.len(),
        known.issued.len()
    );
    // Whoever closed it does not want to know.
    drop(told);
}

/// A server that is killed when it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) base: String,
}

impl Server {
    pub(crate) fn start(folder: &Folder, config: &str) -> Self {
        Self::start_with(folder, config, &[])
    }

    pub(crate) fn start_with(folder: &Folder, config: &str, arguments: &[&str]) -> Self {
        Self::of(
            Command::new(env!("CARGO_BIN_EXE_jiazhao"))
                .args(["--data", &folder.path("data"), "--config", config, "serve"])
                .args(arguments)
                .stderr(Stdio::null()),
        )
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit(' ').next().unwrap();
        Self {
            base: format!("http://{address}"),
            child,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Locks of SQLite belong to the process, and closing any handle of a file gives them up. Without the
/// one of the shared index the next process that opens the database would cut it, and the server die.
#[test]
fn a_server_keeps_the_locks_of_its_database() {
    let folder = Folder::new();
    let config = configure(&folder, "");
    install(&folder, &config);
    let server = Server::start(&folder, &config);
    let index = fs::metadata(folder.path("data/jiazhao.sqlite-shm")).unwrap();
    let (pid, inode) = (server.child.id().to_string(), index.ino().to_string());
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let held = locks.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // Byte 128 says that the index is in use; those before it come and go with transactions.
        fields.ends_with(&["128", "128"])
            && fields.contains(&pid.as_str())
            && fields
                .iter()
                .any(|it| it.rsplit(':').next() == Some(&inode))
    });
    assert!(held, "{locks}");
}

/// A client; every failure of the connection is the kill.
#[derive(Clone)]
pub(crate) struct Http {
    client: legacy::Client<HttpConnector, Full<Bytes>>,
    base: String,
    session: Option<(&'static str, String)>,
}

#[derive(Debug)]
pub(crate) struct Killed;

impl Http {
    pub(crate) fn new(base: &str) -> Self {
        Self {
            client: legacy::Client::builder(TokioExecutor::new()).build_http(),
            base: base.to_owned(),
            session: None,
        }
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<(u16, Value), Killed> {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Value), Killed> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.base))
            .header("content-type", "application/json");
        if let Some((name, value)) = &self.session {
            request = request.header(*name, value);
        }
        let request = request.body(Full::from(body.to_string())).unwrap();
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|_cut_off| Killed)?;
        let (parts, body) = answer.into_parts();
        // A driver has two: the session's and the device's.
        let cookies: Vec<&str> = parts
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
            .collect();
        if !cookies.is_empty() {
            self.session = Some(("cookie", cookies.join("; ")));
        }
        let body = body.collect().await.map_err(|_cut_off| Killed)?.to_bytes();
        Ok((
            parts.status.as_u16(),
            serde_json::from_slice(&body).unwrap_or_default(),
        ))
    }

    /// A caller who is signed in: with a cookie, or with the token of a source.
    pub(crate) fn of(base: &str, session: (&'static str, &String)) -> Self {
        let (name, value) = session;
        Self {
            session: Some((name, value.clone())),
            ..Self::new(base)
        }
    }
}

/// Everybody the main job needs, signed in.
pub(crate) struct Desk {
    pub(crate) registry: Http,
    pub(crate) counter: Http,
    reviewer: Http,
}

impl Desk {
    pub(crate) fn open(base: &str, sessions: &Sessions) -> Self {
        Self {
            registry: Http::of(base, ("authorization", &sessions.registry)),
            counter: Http::of(base, ("cookie", &sessions.counter)),
            reviewer: Http::of(base, ("cookie", &sessions.reviewer)),
        }
    }

    pub(crate) async fn deliver(&mut self, number: &str) -> (u16, Value) {
        let records = json!([record(number, 1)]);
        self.registry
            .post("/registry/changes", &records)
            .await
            .unwrap()
    }

    pub(crate) async fn apply(&mut self, number: &str) -> (u16, Value) {
        let asked = application(number);
        self.counter
            .post("/counter/applications", &asked)
            .await
            .unwrap()
    }

    /// Claims and approves; answers the e-licence.
    pub(crate) async fn approve(&mut self, id: &str) -> Result<String, Killed> {
        let path = format!("/review/applications/{id}");
        let (status, claimed) = self
            .reviewer
            .post(&format!("{path}/claim"), &json!({}))
            .await?;
        assert_eq!(status, 200, "{claimed}");
        let approve = json!({"decision": "approve"});
        let (status, issued) = self
            .reviewer
            .post(&format!("{path}/decision"), &approve)
            .await?;
        assert_eq!(status, 200, "{issued}");
        Ok(issued["e_licence"].as_str().unwrap().to_owned())
    }

    /// The main job over and over, until the kill.
    pub(crate) async fn work(
        mut self,
        round: u64,
        acknowledged: Arc<Mutex<Acknowledged>>,
    ) -> Result<(), Killed> {
        for batch in 0.. {
            let numbers: Vec<String> = (0..5)
                .map(|person| number(round * PEOPLE + batch * 5 + person))
                .collect();
            for version in [1, 2] {
                let records: Vec<Value> = numbers.iter().map(|n| record(n, version)).collect();
                let (status, answer) = self
                    .registry
                    .post("/registry/changes", &json!(records))
                    .await?;
                assert_eq!((status, &answer["rejected"]), (200, &json!(0)), "{answer}");
                let mut known = acknowledged.lock().unwrap();
                for number in &numbers {
                    known.versions.insert(number.clone(), version);
                }
            }
            for number in &numbers {
                let (status, applied) = self
                    .counter
                    .post("/counter/applications", &application(number))
                    .await?;
                assert_eq!(status, 201, "{applied}");
                let id = applied["id"].as_str().unwrap().to_owned();
                acknowledged.lock().unwrap().applications.push(id.clone());
                let licence = self.approve(&id).await?;
                acknowledged.lock().unwrap().issued.insert(id, licence);
            }
        }
        Ok(())
    }
}

pub(crate) async fn check(folder: &Folder, config: &str, known: &Acknowledged) {
    let data = folder.path("data");
    let config = Config::load(Some(Path::new(config)), Path::new(&data)).unwrap();
    let ambient = Ambient::system().unwrap();
    let app = App::open(&config, &ambient, Options::default())
        .await
        .unwrap();
    let store = app.authority().store();
    for (number, version) in &known.versions {
        let name = store.alias(AliasKind::LicenceNumber, number);
        let owners = store
            .holders_of(AliasKind::LicenceNumber, std::slice::from_ref(&name))
            .await
            .unwrap();
        let holder = &owners[&name];
        let driver = store.driver(holder).await.unwrap().unwrap();
        assert!(driver.registry_version >= *version);
        let one = std::slice::from_ref(holder);
        let current = store
            .current_e_licences(holder.partition(), one)
            .await
            .unwrap();
        assert!(current.len() <= 1, "two current licences");
    }
    for id in &known.applications {
        let id = ApplicationId::parse(id).unwrap();
        let row = store.application(&id).await.unwrap().unwrap();
        if let Some(licence) = known.issued.get(id.as_str()) {
            assert_eq!(row.e_licence.unwrap().as_str(), licence);
        }
    }
    for partition in Partition::all() {
        whole(app.authority(), partition).await;
    }
    app.close().await;
}

/// Audit chained and without gaps, events without gaps, memory equal to SQL.
async fn whole(authority: &authority::Authority, partition: Partition) {
    let store = authority.store();
    let mut previous = vec![0; 32];
    let mut last = 0;
    loop {
        let rows = store.audit_after(partition, last, 500).await.unwrap();
        if rows.is_empty() {
            break;
        }
        for row in rows {
            assert_eq!(row.seq, last + 1);
            assert_eq!(row.hash, row.chained(&previous));
            previous.clone_from(&row.hash);
            last = row.seq;
        }
    }
    let heads: BTreeMap<_, _> = store.outbox_heads().await.unwrap().into_iter().collect();
    let mut seen = 0;
    loop {
        let events = store.events_after(partition, seen, 500).await.unwrap();
        if events.is_empty() {
            break;
        }
        for event in events {
            assert_eq!(event.seq, seen + 1);
            seen = event.seq;
        }
    }
    assert_eq!(seen, heads[&partition]);
    for (place, value) in store.status_values(partition).await.unwrap() {
        assert_eq!(authority.status_in_memory(place), Some(value));
    }
}

/// A synthetic licence number of 北京: a person of their own for every `index`.
pub(crate) fn number(index: u64) -> String {
    let born = date(1960, 1, 1) + jiff::Span::new().days(i64::try_from(index / 9).unwrap());
    let head = format!("110199{}{}", born.strftime("%Y%m%d"), 991 + index % 9);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = head
        .chars()
        .zip(weights)
        .map(|(digit, weight)| digit.to_digit(10).unwrap() * weight)
        .sum();
    let check = "10X98765432"
        .chars()
        .nth(usize::try_from(sum % 11).unwrap());
    format!("{head}{}", check.unwrap())
}

pub(crate) fn record(number: &str, version: i64) -> Value {
    let odd = number.as_bytes()[16] % 2 == 1;
    json!({
        "licence_number": number, "name": "测试甲", "sex": if odd { "male" } else { "female" },
        "birth_date": format!("{}-{}-{}", &number[6..10], &number[10..12], &number[12..14]),
        "first_issue_date": "2020-06-01", "classes": ["C1"],
        "valid_from": "2026-01-01", "valid_until": "long-term",
        "issuing_authority": {"code": "1101", "name": "样例市公安局（演示）"},
        "status": ["A"], "points": version, "version": version,
    })
}

pub(crate) fn application(number: &str) -> Value {
    static PORTRAITS: LazyLock<Portraits> = LazyLock::new(Portraits::default);
    let photo = PORTRAITS.data_url(0).unwrap();
    json!({"licence_number": number, "identity": {"method": "id-card"}, "photo": photo})
}
