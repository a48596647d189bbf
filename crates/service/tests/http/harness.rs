//! A service on a fresh database, asked in process.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use authority::{Act, Actor, Authority, PasswordCost, SecondFactor};
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Request, StatusCode},
};
use credential::Suite;
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use service::{Clock, Entropy, ServiceState, Settings};
use storage::{Layout, MasterKeys, Store, StoreOptions};
use tempfile::TempDir;
use testkit::{
    clock::{TestClock, monday_noon},
    random,
};
use tower::ServiceExt as _;
use zeroize::Zeroizing;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const HOST: &str = "jz.example";
pub(crate) const NUMBER: &str = "110199199001019912";

/// Everything that stands behind the routes.
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) clock: TestClock,
    pub(crate) authority: Authority,
    // The folder lives as long as the database in it.
    _folder: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

struct Hand(TestClock);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

struct Seeds(AtomicU64);

impl Entropy for Seeds {
    fn rng(&self) -> authority::rand::rngs::StdRng {
        random::seeded(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

impl Site {
    /// A service with keys and one administrator, `admin`.
    pub(crate) async fn open() -> Self {
        Self::open_with(Settings {
            demo: true,
            ..Settings::default()
        })
        .await
    }

    /// The same with other settings.
    pub(crate) async fn open_with(http: Settings) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = TestClock::new(monday_noon());
        let store = store(&folder, clock.now()).await;
        let mut act = system_act(clock.now());
        let first = Authority::open(store.clone(), settings(), clock.now())
            .await
            .unwrap();
        first.establish_keys(&mut act).await.unwrap();
        let authority = Authority::open(store, settings(), clock.now())
            .await
            .unwrap();
        let password = Zeroizing::new(PASSWORD.to_owned());
        authority
            .bootstrap_admin(&mut act, "admin", password)
            .await
            .unwrap();
        let router = service::router(ServiceState {
            authority: authority.clone(),
            clock: Arc::new(Hand(clock.clone())),
            entropy: Arc::new(Seeds(AtomicU64::new(1000))),
            settings: http,
        });
        Self {
            router,
            clock,
            authority,
            _folder: folder,
        }
    }

    /// Asks, and reads the whole answer.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path).header("cookie", cookie);
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, cookie: &str, body: &Value) -> Answer {
        let request = Request::post(path)
            .header("cookie", cookie)
            .header("host", HOST)
            .header("content-type", "application/json");
        self.ask(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    /// Signs a member of staff in; answers the cookie.
    pub(crate) async fn sign_in(&self, login: &str) -> String {
        let body = json!({"kind": "staff", "login": login, "password": PASSWORD});
        let answer = self.post("/api/v1/sessions", "", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.cookie()
    }

    /// Adds a registry source that may write every authority; answers its token.
    pub(crate) async fn source(&self, admin: &str) -> String {
        let source = json!({"name": "registry", "authorities": ["*"]});
        let answer = self
            .post("/api/v1/admin/registry-sources", admin, &source)
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Delivers registry records.
    pub(crate) async fn deliver(&self, token: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post("/api/v1/registry/changes")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", kind);
        self.ask(request.body(body.into()).unwrap()).await
    }
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// The code of a problem; that it is one is checked.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem: service::ProblemView = serde_json::from_slice(&self.bytes).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        let code = problem.kind.strip_prefix("urn:jiazhao:problem:");
        code.unwrap().to_owned()
    }

    /// The cookies that it sets, as a client sends them.
    pub(crate) fn cookie(&self) -> String {
        let cookies: Vec<&str> = self
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|set| set.to_str().unwrap().split(';').next().unwrap())
            .collect();
        cookies.join("; ")
    }
}

/// A driver of Beijing whose licence is good.
pub(crate) fn record(version: u32) -> Value {
    json!({
        "licence_number": NUMBER,
        "name": "样甲",
        "sex": "male",
        "birth_date": "1990-01-01",
        "classes": ["C1"],
        "valid_from": "2020-01-01",
        "valid_until": "2030-01-01",
        "first_issue_date": "2014-01-01",
        "issuing_authority": {"code": "1101", "name": "北京市公安局公安交通管理局"},
        "status": ["A"],
        "points": version,
        "version": version,
    })
}

fn settings() -> authority::Settings {
    authority::Settings {
        base_url: format!("https://{HOST}"),
        issuer: "样证签发机构".to_owned(),
        certificate: None,
        suites: vec![Suite::Es256],
        status_period: SignedDuration::from_mins(10),
        codes: authority::CodeSettings::default(),
        password_cost: PasswordCost::Test,
        second_factor: SecondFactor::Demonstration,
        notifier: None,
        push: None,
        token_keys: Vec::new(),
        report_token: None,
        sample_one_in: authority::SAMPLE_ONE_IN,
        duplicates: None,
        judge: None,
        identity: None,
        automatic_issue: authority::AutomaticIssue::Off,
        activation_checks: authority::ActivationChecks::default(),
        frames_judged_within: Duration::from_mins(10),
        peaks: authority::peaks::PeakLimits::default(),
    }
}

async fn store(folder: &TempDir, now: Timestamp) -> Store {
    let objects = folder.path().join("objects");
    std::fs::create_dir(&objects).unwrap();
    let database = folder.path().join("records.db");
    let options = StoreOptions {
        url: format!("sqlite:{}", database.display()),
        connections: 2,
        layout: Layout::Plain,
        objects,
        durable_objects: false,
    };
    let keys = MasterKeys {
        master: [0x11; 32],
        index: [0x22; 32],
    };
    Store::open(&options, &keys, now, &mut random::seeded(1))
        .await
        .unwrap()
}

fn system_act(now: Timestamp) -> Act {
    Act {
        actor: Actor::System("test"),
        now,
        request: "test".to_owned(),
        source: None,
        rng: random::seeded(2),
    }
}
