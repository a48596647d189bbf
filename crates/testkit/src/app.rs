//! The real app in process, on a fresh database.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use authority::{
    Act, ActivationChecks, Actor, Authority, AutomaticIssue, DuplicateSearch, PasswordCost,
    RootKeys, SecondFactor, identity::IdentityService, notify::Notifier, push::PushService,
    rand::rngs::StdRng,
};
use credential::EnforcementSecret;
use jiazhao::app::FaceModels;
use jiff::Timestamp;
use licence::certificate::{DEMO_ISSUER, DEMO_TYPE};
use serde_json::{Value, json};
use storage::{Layout, MasterKeys, Store, StoreOptions};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::{
    client::Client,
    clock::{TestClock, monday_noon},
    postgres::Server,
    push::RecordingPush,
    random::seeded,
    texts::RecordingNotifier,
};

/// Password of everybody whom [`App`] makes.
pub const PASSWORD: &str = "correct horse battery staple";

/// The platform in process: the real router over the real store, with a clock that a test sets.
#[derive(Debug)]
pub struct App {
    /// The use cases, for what HTTP does not offer.
    pub authority: Authority,
    /// The clock.
    pub clock: TestClock,
    /// The root keys that signed the trust list.
    pub roots: RootKeys,
    /// The texts that left for phones.
    pub texts: Arc<RecordingNotifier>,
    /// The pushes that left for browsers.
    pub push: Arc<RecordingPush>,
    router: axum::Router,
    options: StoreOptions,
    pub(crate) given: Given,
    draws: Arc<Draws>,
    folder: TempDir,
}

/// What a platform is given besides its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    second_factor: SecondFactor,
    pub(crate) faces: FaceModels,
    pub(crate) automatic_issue: AutomaticIssue,
    activation_checks: ActivationChecks,
    frames_judged_within: Option<Duration>,
    pub(crate) identity: Option<Arc<dyn IdentityService>>,
    sample_one_in: NonZeroU32,
    pub(crate) duplicates: Option<DuplicateSearch>,
    /// Sections that are added to the configuration.
    settings: String,
}

/// What carries messages.
#[derive(Default)]
struct Carriers {
    texts: Option<Arc<dyn Notifier>>,
    push: Option<Arc<dyn PushService>>,
}

/// Randomness of requests: seeded, another seed for each.
#[derive(Debug, Default)]
struct Draws(AtomicU64);

impl service::Clock for TestClock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

impl service::Entropy for Draws {
    fn rng(&self) -> StdRng {
        seeded(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// What the text gateway shows when it reports, before it is written in hexadecimal.
const REPORT_TOKEN: [u8; 32] = [5; 32];

/// The secrets of a test's store.
#[must_use]
pub fn test_keys() -> MasterKeys {
    MasterKeys {
        master: [7; 32],
        index: [9; 32],
    }
}

/// What enforcement terminals open the rest of a licence with.
#[must_use]
pub fn enforcement_secret() -> EnforcementSecret {
    EnforcementSecret::from_bytes(Zeroizing::new([3; 32]))
}

impl App {
    /// On a fresh SQLite file.
    pub async fn sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("app.sqlite").display());
        Self::start(folder, url, Layout::Plain).await
    }

    /// On a fresh PostgreSQL database with every growing table partitioned; none where PostgreSQL is
    /// left out. Each is a copy of one that was migrated once.
    pub async fn postgresql() -> Option<Self> {
        static MIGRATED: OnceCell<String> = OnceCell::const_new();
        let server = Server::shared()?;
        let template = MIGRATED
            .get_or_init(async || {
                let folder = TempDir::new().expect("a temporary folder");
                let options = options(&folder, server.database(), Layout::Partitioned);
                let store = Store::open(&options, &test_keys(), monday_noon(), &mut seeded(1))
                    .await
                    .expect("the store opens");
                store.close().await;
                options.url
            })
            .await;
        let folder = TempDir::new().expect("a temporary folder");
        Some(Self::start(folder, server.copy_of(template), Layout::Partitioned).await)
    }

    async fn start(folder: TempDir, url: String, layout: Layout) -> Self {
        let clock = TestClock::new(monday_noon());
        let draws = Arc::new(Draws::default());
        let options = options(&folder, url, layout);
        let texts = Arc::new(RecordingNotifier::default());
        let given = Given {
            second_factor: SecondFactor::Demonstration,
            faces: FaceModels::None,
            automatic_issue: AutomaticIssue::Off,
            activation_checks: ActivationChecks::default(),
            frames_judged_within: None,
            identity: None,
            sample_one_in: authority::SAMPLE_ONE_IN,
            duplicates: None,
            settings: String::new(),
        };
        let push = Arc::new(RecordingPush::default());
        let nobody = Carriers::default();
        let without_keys = open(&options, &given, (&clock, &draws), nobody).await;
        let mut act = system_act(&clock, &draws);
        let roots = without_keys
            .authority()
            .establish_keys(&mut act)
            .await
            .expect("keys can be made");
        let carriers = Carriers {
            texts: Some(carrier(&texts)),
            push: Some(Arc::<RecordingPush>::clone(&push)),
        };
        let platform = open(&options, &given, (&clock, &draws), carriers).await;
        let app = Self {
            authority: platform.authority().clone(),
            router: service::router(platform.state()),
            clock,
            roots,
            texts,
            push,
            options,
            given,
            draws,
            folder,
        };
        app.seed().await;
        app
    }

    async fn opened(&self, carriers: Carriers) -> jiazhao::app::App {
        let outside = (&self.clock, &self.draws);
        open(&self.options, &self.given, outside, carriers).await
    }

    /// What carries messages, as tests see it.
    fn recording(&self) -> Carriers {
        Carriers {
            texts: Some(carrier(&self.texts)),
            push: Some(Arc::<RecordingPush>::clone(&self.push)),
        }
    }

    /// The same app started anew on the same data, with these to carry messages.
    async fn restarted_with(self, carriers: Carriers) -> Self {
        let platform = self.opened(carriers).await;
        Self {
            authority: platform.authority().clone(),
            router: service::router(platform.state()),
            ..self
        }
    }

    /// The same app started anew on the same data: what was only in memory is gone.
    #[must_use]
    pub async fn restarted(self) -> Self {
        let carriers = self.recording();
        self.restarted_with(carriers).await
    }

    /// The same app started anew as it runs outside demonstrations: staff need a second factor.
    #[must_use]
    pub async fn with_second_factor(mut self) -> Self {
        self.given.second_factor = SecondFactor::Required;
        self.restarted().await
    }

    /// The same started anew where an officer looks at every automatic issue afterwards, not at one in
    /// a hundred.
    #[must_use]
    pub async fn with_every_issue_sampled(mut self) -> Self {
        self.given.sample_one_in = NonZeroU32::MIN;
        self.restarted().await
    }

    /// The same started anew where these person checks activate a device.
    #[must_use]
    pub async fn with_activation_checks(mut self, checks: ActivationChecks) -> Self {
        self.given.activation_checks = checks;
        self.restarted().await
    }

    /// The same started anew where frames for an activation are judged within so long, or given up.
    #[must_use]
    pub async fn judging_frames_within(mut self, within: Duration) -> Self {
        self.given.frames_judged_within = Some(within);
        self.restarted().await
    }

    /// The same started anew with these sections in its configuration.
    #[must_use]
    pub async fn with_settings(mut self, settings: &str) -> Self {
        self.given.settings.push_str(settings);
        self.restarted().await
    }

    /// The same started anew without anybody who carries texts or pushes.
    #[must_use]
    pub async fn without_texts(self) -> Self {
        self.restarted_with(Carriers::default()).await
    }

    /// The same started anew with another carrier of pushes.
    #[must_use]
    pub async fn with_push(self, push: Arc<dyn PushService>) -> Self {
        let carriers = Carriers {
            push: Some(push),
            ..self.recording()
        };
        self.restarted_with(carriers).await
    }

    /// Sends the texts that are due at the clock's instant; answers how many were taken over.
    pub async fn deliver_texts(&self) -> u64 {
        let sent = self.authority.deliver_texts(&self.act()).await;
        sent.unwrap_or_else(|error| panic!("texts are delivered: {error}"))
    }

    /// A second node on the same database, with the same carrier of texts.
    pub async fn second_node(&self) -> (Authority, Client) {
        let platform = self.opened(self.recording()).await;
        let client = Client::new(service::router(platform.state()));
        (platform.authority().clone(), client)
    }

    /// A second node that serves as its binary does, with its jobs, until the test ends.
    pub async fn serving_node(&self) -> (Authority, Client) {
        let platform = self.opened(self.recording()).await;
        let node = (
            platform.authority().clone(),
            Client::new(service::router(platform.state())),
        );
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = jiazhao::server::bind(anywhere).await.expect("a free port");
        tokio::spawn(async move {
            let served = jiazhao::server::serve(&platform, listener, std::future::pending());
            served.await.expect("it serves");
        });
        node
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database's URL.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.options.url
    }

    /// A client with no session.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(self.router.clone())
    }

    /// Serves it on loopback until the test ends, for programs of their own.
    pub async fn listen(&self) -> SocketAddr {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = tokio::net::TcpListener::bind(anywhere)
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let service = self
            .router
            .clone()
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.expect("it serves") });
        address
    }

    /// A client signed in as staff.
    pub async fn staff(&self, login: &str) -> Client {
        let client = self.client();
        let answer = client
            .post(
                "/sessions",
                &json!({"kind": "staff", "login": login, "password": PASSWORD}),
            )
            .await;
        answer.done();
        client
    }

    /// An act of the system at the clock's instant.
    #[must_use]
    pub fn act(&self) -> Act {
        system_act(&self.clock, &self.draws)
    }

    /// Offices and staff of three cities, police, window, and a registry that may write all.
    async fn seed(&self) {
        let password = PASSWORD.to_owned().into();
        self.authority
            .bootstrap_admin(&mut self.act(), "admin", password)
            .await
            .expect("the first administrator");
        let admin = self.staff("admin").await;
        for city in ["1101", "5101", "4201"] {
            let office =
                json!({"code": format!("office-{city}"), "name": "车管所", "authority_code": city});
            admin.post("/admin/offices", &office).await.done();
            for (login, roles) in [
                ("counter", json!(["counter"])),
                ("reviewer", json!(["reviewer"])),
                ("both", json!(["counter", "reviewer"])),
            ] {
                self.add_staff(&admin, &format!("{login}-{city}"), &roles, Some(city))
                    .await;
            }
        }
        self.add_staff(&admin, "police", &json!(["police"]), Some("1101"))
            .await;
        self.add_staff(&admin, "window", &json!(["window"]), Some("1101"))
            .await;
    }

    async fn add_staff(&self, admin: &Client, login: &str, roles: &Value, city: Option<&str>) {
        let staff = json!({
            "login": login, "name": "演示员", "password": PASSWORD, "roles": roles,
            "office": city.map(|city| format!("office-{city}")),
        });
        admin.post("/admin/staff", &staff).await.done();
    }

    /// The text gateway, as it reports.
    #[must_use]
    pub fn gateway(&self) -> Client {
        self.client().with_token(&hex::encode(REPORT_TOKEN))
    }

    /// A registry source with a token for `authorities`.
    pub async fn registry(&self, authorities: &[&str]) -> Client {
        let admin = self.staff("admin").await;
        let name = format!("registry {}", self.draws.0.load(Ordering::SeqCst));
        let source = json!({"name": name, "authorities": authorities});
        let made = admin.post("/admin/registry-sources", &source).await.done();
        self.client()
            .with_token(made["token"].as_str().expect("a token"))
    }
}

fn options(folder: &TempDir, url: String, layout: Layout) -> StoreOptions {
    StoreOptions {
        url,
        connections: 8,
        layout,
        objects: folder.path().to_owned(),
        durable_objects: false,
    }
}

/// Opens the platform as its binary does, with the test's clock and randomness.
async fn open(
    options: &StoreOptions,
    given: &Given,
    (clock, draws): (&TestClock, &Arc<Draws>),
    carriers: Carriers,
) -> jiazhao::app::App {
    let keys = test_keys();
    let write = |name: &str, key: [u8; 32]| {
        let path = options.objects.join(name);
        std::fs::write(&path, hex::encode(key)).expect("a key file");
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, private).expect("a key file of its owner's");
        path.display().to_string()
    };
    let layout = match options.layout {
        Layout::Plain => "plain",
        Layout::Partitioned => "partitioned",
    };
    let enforcement = enforcement_secret().public_key().expect("a key pair");
    let text = format!(
        "[server]\nbase_url = \"http://localhost:8080\"\n\
         [database]\nurl = \"{}\"\nlayout = \"{layout}\"\nconnections = {}\n\
         [keys]\nmaster_file = \"{}\"\nindex_file = \"{}\"\n\
         [texts]\nreport_token_file = \"{}\"\n\
         [codes]\nenforcement_key = \"{}\"\n\
         [issuer]\nname = \"urn:jiazhao:test\"\n\
         type_code = \"{DEMO_TYPE}\"\nissuer_code = \"{DEMO_ISSUER}\"\n{}",
        options.url,
        options.connections,
        write("master.key", keys.master),
        write("index.key", keys.index),
        write("report.token", REPORT_TOKEN),
        write("enforcement.pub", *enforcement.as_bytes()),
        given.settings,
    );
    let config = jiazhao::config::Config::parse(&text, None, &options.objects)
        .unwrap_or_else(|error| panic!("the configuration: {error}"));
    let ambient = jiazhao::app::Ambient {
        clock: Arc::new(clock.clone()),
        entropy: draws.clone(),
    };
    let options = jiazhao::app::Options {
        password_cost: PasswordCost::Test,
        second_factor: given.second_factor,
        faces: given.faces.clone(),
        automatic_issue: Some(given.automatic_issue.clone()),
        activation_checks: Some(given.activation_checks),
        frames_judged_within: given.frames_judged_within,
        sample_one_in: given.sample_one_in,
        duplicates: given.duplicates.clone(),
        identity: given.identity.clone(),
        durable_objects: false,
        timeout: Duration::from_mins(10),
        notifier: carriers.texts,
        push: carriers.push,
        ..jiazhao::app::Options::default()
    };
    jiazhao::app::App::open(&config, &ambient, options)
        .await
        .unwrap_or_else(|error| panic!("the platform opens: {error}"))
}

fn carrier(texts: &Arc<RecordingNotifier>) -> Arc<dyn Notifier> {
    Arc::<RecordingNotifier>::clone(texts)
}

fn system_act(clock: &TestClock, draws: &Draws) -> Act {
    Act {
        actor: Actor::System("test"),
        now: clock.now(),
        request: "test".to_owned(),
        source: None,
        rng: service::Entropy::rng(draws),
    }
}
