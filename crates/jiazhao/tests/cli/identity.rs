//! The identity service (身份认证服务, R36, R39) as docs/integration.md says it is asked: by `serve`, over a
//! socket, and of everything that may come back only a whole answer that says so proves anybody.

use std::process::Stdio;

use authority::identity::{IdentityClaim, IdentityService as _, NotAsked, Proved};
use hyper::Method;
use jiazhao::{
    config::Config,
    demo::{device::Device, stills::STILLS},
    identity_gateway::IdentityGateway,
};
use jiff::civil::date;
use storage::{Partition, PersonCheckId};
use testkit::people::{BEIJING, BEIJING_OTHER, data_url, record, with};
use zeroize::Zeroizing;

use super::{
    crash::{Http, Server, configure, install},
    peer::{Answer, Peer},
    portrait::models,
    sessions::{Sessions, seed},
    *,
};

const TOKEN: &str = "a-token-of-the-identity-service";
const PASSWORD: &str = "a password of twelve and more";

fn said(outcome: &str) -> Answer {
    Answer::Status(200, json!({"outcome": outcome}).to_string())
}

fn redirect(elsewhere: &Peer) -> Answer {
    let location = format!("location: http://{}/", elsewhere.address);
    Answer::With(307, location.leak())
}

/// Everything that proves nobody, with the code that the log has of it.
fn proving_nobody(elsewhere: &Peer) -> Vec<(Answer, &'static str)> {
    let body = |text: &str| Answer::Status(200, text.to_owned());
    let large = format!(r#"{{"outcome":"match","more":"{}"}}"#, "x".repeat(1 << 20));
    vec![
        (Answer::Hang, "timeout"),
        (Answer::Close, "unreachable"),
        (
            Answer::Status(500, r#"{"outcome":"match"}"#.to_owned()),
            "service-error",
        ),
        (
            Answer::Status(403, r#"{"outcome":"match"}"#.to_owned()),
            "refused",
        ),
        (Answer::Status(429, String::new()), "busy"),
        (body("<html>match</html>"), "unreadable"),
        (body(r#"{"outcome":"matched"}"#), "unreadable"),
        (body(&large), "unreadable"),
        (redirect(elsewhere), "redirected"),
    ]
}

#[tokio::test]
async fn r36_only_a_whole_answer_of_the_service_proves_anybody() {
    let (folder, peer, elsewhere) = (Folder::new(), Peer::start(), Peer::start());
    let config = Config::parse(&section(&folder, &peer), None, Path::new("data")).unwrap();
    let gateway = IdentityGateway::new(&config.identity.unwrap()).unwrap();
    let plain = |text: &str| Zeroizing::new(text.to_owned());
    let claim = IdentityClaim {
        check: PersonCheckId::generate(Partition::of_holders(7), &mut StdRng::seed_from_u64(1)),
        token: plain("seen-by-the-component"),
        nonce: "bm9uY2U".to_owned(),
        name: plain("测试甲"),
        licence_number: plain(BEIJING),
        birth_date: date(1990, 1, 1),
    };
    for (outcome, proved) in [
        ("match", Proved::Match),
        ("reject", Proved::Reject),
        ("officer", Proved::Officer),
    ] {
        peer.answers(said(outcome));
        assert_eq!(gateway.prove(&claim).await, Ok(proved));
    }
    for (answer, code) in proving_nobody(&elsewhere) {
        peer.answers(answer);
        assert_eq!(gateway.prove(&claim).await, Err(NotAsked(code)));
    }
    assert!(elsewhere.asked().is_empty(), "a redirect is not followed");
    let debug = format!("{gateway:?} {claim:?}");
    for secret in [TOKEN, "seen-by-the-component", "测试甲", BEIJING, "1990"] {
        assert!(!debug.contains(secret), "{secret}");
    }
}

fn section(folder: &Folder, peer: &Peer) -> String {
    let token = folder.write("token", format!("{TOKEN}\n"));
    format!(
        "[identity]\nurl = \"http://{}/check\"\ntoken_file = \"{token}\"\ntimeout = 5\n",
        peer.address
    )
}

/// A server with the models, which asks this service, and tells all to a file.
fn serving(folder: &Folder, config: &str) -> Server {
    let log = fs::File::create(folder.path("log")).unwrap();
    Server::of(
        Command::new(env!("CARGO_BIN_EXE_jiazhao"))
            .args(["--data", &folder.path("data"), "--config", config, "serve"])
            .stderr(Stdio::from(log)),
    )
}

/// A driver at a device, with an application that waits for its person check.
struct Applicant {
    http: Http,
    device: Device,
    application: Value,
}

impl Applicant {
    async fn new(base: &str, sessions: &Sessions, number: &str, seed: u64) -> Self {
        let mut counter = Http::of(base, ("cookie", &sessions.counter));
        let asked = json!({"licence_number": number, "identity": {"method": "id-card"}});
        let (_, made) = counter
            .post("/counter/activation-codes", &asked)
            .await
            .unwrap();
        let mut http = Http::new(base);
        let activation =
            json!({"licence_number": number, "code": made["code"], "password": PASSWORD});
        let (status, answer) = http.post("/activations", &activation).await.unwrap();
        assert_eq!(status, 201, "{answer}");
        let first = json!({"kind": "first", "photo_source": "on-file"});
        let (status, application) = http.post("/holder/applications", &first).await.unwrap();
        assert_eq!(status, 201, "{application}");
        let mut applicant = Self {
            http,
            device: Device::new(&mut StdRng::seed_from_u64(seed)).unwrap(),
            application,
        };
        let photo = json!({"photo": applicant.application["progress"]["photo"]});
        applicant.put("confirmation", &photo).await;
        let path = "/holder/face-consent";
        let text = applicant.http.send(Method::GET, path, &Value::Null).await;
        let version = json!({"version": text.unwrap().1["text"]["version"]});
        applicant.put("face-consent", &version).await;
        applicant
    }

    fn path(&self, step: &str) -> String {
        let id = self.application["id"].as_str().unwrap();
        format!("/holder/applications/{id}/{step}")
    }

    async fn put(&mut self, step: &str, body: &Value) -> Value {
        let path = self.path(step);
        let (status, answer) = self.http.send(Method::PUT, &path, body).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn open(&mut self) -> Value {
        let path = self.path("person-check");
        let body = json!({"device_key": self.device.key(), "method": "identity-service"});
        let (status, challenge) = self.http.post(&path, &body).await.unwrap();
        assert_eq!(status, 201, "{challenge}");
        challenge
    }

    /// Answers a check with what the component in the app gave.
    async fn answer(&mut self, challenge: &Value, token: &str) -> (u16, Value) {
        let body = self.device.answer_by_token(challenge, token).unwrap();
        let path = self.path("person-check");
        self.http.send(Method::PUT, &path, &body).await.unwrap()
    }

    async fn submit(&mut self) -> Value {
        let path = self.path("submission");
        let (status, answer) = self.http.post(&path, &json!({})).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

/// R36, SC-03, SC-04: on the word of the service, and on nothing else.
#[test]
fn sc_03_serve_asks_the_identity_service_and_issues_on_its_word_alone() {
    let (folder, peer, elsewhere) = (Folder::new(), Peer::start(), Peer::start());
    let settings = format!(
        "[models]\ndir = \"{}\"\n[log]\nfilter = \"debug\"\n{}",
        models(),
        section(&folder, &peer)
    );
    let config = configure(&folder, &settings);
    let admin = install(&folder, &config);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sessions = runtime.block_on(seed(&folder, &config, &admin));
    let server = serving(&folder, &config);
    runtime.block_on(async {
        registered(&server.base, &sessions).await;
        let matched = by_match(&server.base, &sessions, (&peer, &elsewhere));
        matched.await;
        let mut other = Applicant::new(&server.base, &sessions, BEIJING_OTHER, 8).await;
        let check = other.open().await;
        peer.answers(said("officer"));
        let (_, seen) = other.answer(&check, "token-of-a-dim-picture").await;
        assert_eq!(seen["progress"]["person_check"]["outcome"], "officer");
        assert_eq!(other.submit().await["stage"], "under-review");
    });
    drop(server);
    assert!(elsewhere.asked().is_empty(), "a token does not travel on");
    nothing_personal_in(&fs::read_to_string(folder.path("log")).unwrap());
}

/// Two drivers with photos on file.
async fn registered(base: &str, sessions: &Sessions) {
    let stills = [BEIJING, BEIJING_OTHER].into_iter().zip(&STILLS);
    let records: Vec<Value> = stills
        .map(|(number, still)| {
            let sitter = still.open(Path::new(&models())).unwrap();
            let photo = data_url(&sitter.studio().photo(0).unwrap());
            with(record(number), json!({"photo": photo}))
        })
        .collect();
    let mut registry = Http::of(base, ("authorization", &sessions.registry));
    let delivered = registry
        .post("/registry/changes", &Value::Array(records))
        .await;
    let (status, answer) = delivered.unwrap();
    assert_eq!((status, &answer["imported"]), (200, &json!(2)), "{answer}");
}

async fn by_match(base: &str, sessions: &Sessions, (peer, elsewhere): (&Peer, &Peer)) {
    let mut driver = Applicant::new(base, sessions, BEIJING, 7).await;
    let first = driver.open().await;
    peer.answers(said("reject"));
    let (status, rejected) = driver.answer(&first, "token-of-somebody-else").await;
    assert_eq!(status, 200, "{rejected}");
    let check = &rejected["progress"]["person_check"];
    assert_eq!(check["outcome"], "reject");
    assert_eq!(check["reasons"][0]["code"], "service-rejects");
    assert_eq!(rejected["stage"], "draft");

    // While nobody is proved the check stays open, and the same answer may come again.
    let second = driver.open().await;
    let unproved = proving_nobody(elsewhere);
    for (answer, code) in unproved {
        peer.answers(answer);
        let (status, refused) = driver.answer(&second, "token-of-the-driver").await;
        assert_eq!(status, 503, "{code}: {refused}");
        let kind = refused["type"].as_str().unwrap();
        assert!(kind.ends_with(":identity-service-unreachable"), "{kind}");
    }
    peer.answers(said("match"));
    let (status, verified) = driver.answer(&second, "token-of-the-driver").await;
    assert_eq!(
        (status, &verified["stage"]),
        (200, &json!("person-verified"))
    );
    assert_eq!(driver.submit().await["stage"], "issued");

    let asked = peer.asked();
    let last = asked.last().unwrap();
    let id = second["id"].as_str().unwrap();
    for line in [
        "post /check http/1.1".to_owned(),
        format!("authorization: bearer {TOKEN}"),
        format!("idempotency-key: {id}"),
        "content-type: application/json".to_owned(),
    ] {
        assert!(last.head.lines().any(|it| it == line), "{line}");
    }
    let body: Value = serde_json::from_str(&last.body).unwrap();
    let expected = json!({
        "id": id, "token": "token-of-the-driver", "nonce": second["nonce"], "name": "测试甲",
        "licence_number": BEIJING, "birth_date": "1990-01-01",
    });
    assert_eq!(body, expected);
}

/// Why the service proved nobody is there, and nothing of whom it was asked about.
fn nothing_personal_in(log: &str) {
    for code in [
        "timeout",
        "unreachable",
        "service-error",
        "refused",
        "busy",
        "unreadable",
        "redirected",
    ] {
        let said = format!("the identity service could not be asked code=\"{code}\"");
        assert!(log.contains(&said), "{code} is not in the log");
    }
    for personal in [
        "测试甲",
        BEIJING,
        BEIJING_OTHER,
        "1990-01-01",
        "token-of",
        TOKEN,
        "样例市样例区",
    ] {
        assert!(!log.contains(personal), "the log names {personal}");
    }
}
