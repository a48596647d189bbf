//! Signing keys in a token, with SoftHSM in the place of one. Its library is loaded by the program
//! under test only: where its tokens lie is a variable of that process.

use std::{process::Stdio, time::Duration};

use credential::{KeyId, SignedTrustList, Unverified, UnverifiedStatusList, VerifiedTrustList};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, body::Bytes};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use jiazhao::{
    app::{Ambient, App, Options},
    config::Config,
};
use storage::{AliasKind, FormRow};

use super::{
    crash::{Desk, Http, Server, configure, number},
    sessions::{self, seed},
    *,
};

const LABEL: &str = "jiazhao";
const PIN: &str = "user-pin-4711";
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// A folder with a token in it.
struct Token {
    folder: Folder,
    conf: String,
}

impl Token {
    /// With key pairs on P-256, `licence` and `online`.
    fn new() -> Self {
        let folder = Folder::new();
        let tokens = folder.path("tokens");
        fs::create_dir(&tokens).unwrap();
        let conf = folder.write(
            "softhsm2.conf",
            format!(
                "directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
            ),
        );
        let token = Self { folder, conf };
        token.tool(&[
            "--init-token",
            "--free",
            "--label",
            LABEL,
            "--so-pin",
            "so-pin-0815",
            "--pin",
            PIN,
        ]);
        token.import("P-256", "licence", "01");
        token.import("P-256", "online", "02");
        token
    }

    fn tool(&self, arguments: &[&str]) {
        let mut command = Command::new("softhsm2-util");
        let output = command.env("SOFTHSM2_CONF", &self.conf).args(arguments);
        let output = output.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}");
    }

    fn import(&self, curve: &str, label: &str, id: &str) {
        let file = self.folder.path("key.pem");
        let curve = format!("ec_paramgen_curve:{curve}");
        let mut openssl = Command::new("openssl");
        openssl.args(["genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", &curve]);
        openssl.args(["-pkeyopt", "ec_param_enc:named_curve", "-out", &file]);
        openssl.stderr(Stdio::null());
        assert!(openssl.status().unwrap().success());
        self.tool(&[
            "--import", &file, "--token", LABEL, "--label", label, "--id", id, "--pin", PIN,
        ]);
        fs::remove_file(file).unwrap();
    }

    /// The section of the configuration, with other lines in the place of some.
    fn section(&self, changes: &[(&str, &str)]) -> String {
        let module = MODULES.iter().find(|path| Path::new(path).exists());
        let pin = self.folder.write_private("pin", format!("{PIN}\n"));
        let mut lines = vec![
            ("module", format!("\"{}\"", module.unwrap())),
            ("token", format!("\"{LABEL}\"")),
            ("pin_file", format!("\"{pin}\"")),
            ("licence_key", "\"licence\"".to_owned()),
            ("online_key", "\"id:02\"".to_owned()),
        ];
        for (name, value) in changes {
            lines.retain(|(line, _)| line != name);
            lines.push((name, (*value).to_owned()));
        }
        let lines = lines.iter().filter(|(_, value)| !value.is_empty());
        let lines: Vec<String> = lines
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        format!("[pkcs11]\n{}\n", lines.join("\n"))
    }

    /// A configuration with the token and one without, of one installation.
    fn configurations(&self) -> (String, String) {
        let with = configure(&self.folder, &self.section(&[]));
        let text = fs::read_to_string(&with).unwrap();
        let (without, _) = text.split_once("[pkcs11]").unwrap();
        (with, self.folder.write("without.toml", without))
    }

    fn run(&self, config: &str, arguments: &[&str]) -> Run {
        let output = self.command(config).args(arguments).output().unwrap();
        let run = Run {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!(run.out.contains(PIN) || run.err.contains(PIN)));
        run
    }

    fn command(&self, config: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jiazhao"));
        command.env("SOFTHSM2_CONF", &self.conf);
        command.args(["--data", &self.folder.path("data"), "--config", config]);
        command
    }

    /// The answer of a command that must be done.
    fn done(&self, config: &str, arguments: &[&str]) -> String {
        let run = self.run(config, arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        run.out
    }

    fn served(&self, config: &str) -> Server {
        Server::of(self.command(config).arg("serve").stderr(Stdio::null()))
    }

    fn trust(&self, config: &str) -> VerifiedTrustList {
        let list = self.done(config, &["trust", "export"]);
        let list = SignedTrustList::from_json(list.as_bytes()).unwrap();
        list.verify(None).unwrap()
    }

    /// What is stored, without the token.
    async fn stored(&self, without: &str) -> App {
        let data = self.folder.path("data");
        let config = Config::load(Some(Path::new(without)), Path::new(&data)).unwrap();
        let ambient = Ambient::system().unwrap();
        App::open(&config, &ambient, Options::default())
            .await
            .unwrap()
    }

    /// The forms of somebody's e-licence.
    async fn forms(&self, without: &str, number: &str) -> Vec<FormRow> {
        let app = self.stored(without).await;
        let store = app.authority().store();
        let owners = store
            .holders_named(AliasKind::LicenceNumber, &[number])
            .await;
        let holder = owners.unwrap().remove(0).unwrap();
        let current = store.current_e_licence(&holder).await.unwrap().unwrap();
        let newest = store.newest_forms(&holder, &current.e_licence.id).await;
        let forms = newest.unwrap().unwrap().1;
        app.close().await;
        forms
    }
}

/// The keys of ES256 that sign now, by use.
fn signing(list: &str) -> Vec<(KeyId, String)> {
    let lines = list
        .lines()
        .map(|line| line.split("  ").collect::<Vec<_>>());
    let lines = lines.filter(|line| line[1] == "ES256" && line[4] == "signs");
    lines
        .map(|line| (line[0].parse().unwrap(), line[2].to_owned()))
        .collect()
}

fn of_use(keys: &[(KeyId, String)], key_use: &str) -> KeyId {
    keys.iter().find(|(_, used)| used == key_use).unwrap().0
}

/// A new installation whose keys of ES256 are the token's, and who uses it.
async fn installed(
    token: &Token,
    with: &str,
    without: &str,
) -> (Vec<(KeyId, String)>, sessions::Sessions) {
    let root = token.folder.path("root.json");
    let made = token.done(with, &["keys", "generate", "--root-out", &root]);
    let keys = signing(&made);
    assert_eq!(keys.len(), 2, "{made}");
    let first = token.done(with, &["staff", "bootstrap", "--login", "admin"]);
    let password = first.trim().split_once("  ").unwrap().1;
    let sessions = seed(&token.folder, without, password).await;
    (keys, sessions)
}

async fn issued(server: &Server, sessions: &sessions::Sessions, number: &str) {
    let mut desk = Desk::open(&server.base, sessions);
    let (status, answer) = desk.deliver(number).await;
    assert_eq!((status, &answer["rejected"]), (200, &json!(0)), "{answer}");
    let (status, applied) = desk.apply(number).await;
    assert_eq!(status, 201, "{applied}");
    desk.approve(applied["id"].as_str().unwrap()).await.unwrap();
}

/// That the ES256 form is by this key, good under the list, and in the one form that signatures have.
fn is_by(forms: &[FormRow], key: KeyId, trust: &VerifiedTrustList) {
    let form = forms.iter().find(|form| form.suite == "ES256").unwrap();
    assert_eq!(form.key_id, key.to_string());
    let form = Unverified::parse(&form.form).unwrap();
    let signature = *form.signature();
    assert_eq!(signature, signature.settled(&Suite::Es256));
    form.verify(trust).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_a_token_sign_what_a_new_installation_issues() {
    let token = Token::new();
    let (with, without) = token.configurations();
    assert_eq!(token.run(&with, &["config", "check"]).code, 0);
    let (keys, sessions) = installed(&token, &with, &without).await;

    let server = token.served(&with);
    for person in 0..5 {
        issued(&server, &sessions, &number(person)).await;
    }
    drop(server);
    let trust = token.trust(&with);
    let licence = of_use(&keys, "licence");
    for person in 0..5 {
        let forms = token.forms(&without, &number(person)).await;
        assert_eq!(forms.len(), 2);
        is_by(&forms, licence, &trust);
    }
    // Of the token's keys nothing is stored, and without it they do not sign.
    let app = token.stored(&without).await;
    let stored = app.authority().store().signing_keys().await.unwrap();
    assert!(stored.iter().all(|key| key.suite == "SM2-SM3") && stored.len() == 2);
    app.close().await;
    assert_eq!(signing(&token.done(&without, &["keys", "list"])), []);
}

/// The first list, signed in ES256, as anybody gets it. It is published once its key is half a minute
/// old.
async fn published(server: &Server, form: &str) -> Vec<u8> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let address = format!("{}/api/v1/status-lists/0?suite=ES256", server.base);
    for _ in 0..180 {
        let request = Request::get(&address).header("accept", form);
        let answer = client.request(request.body(Empty::new()).unwrap());
        let answer = answer.await.unwrap();
        if answer.status() != 404 {
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["content-type"], form);
            let body = answer.into_body().collect().await.unwrap();
            return body.to_bytes().to_vec();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("no list within 90 s")
}

#[tokio::test(flavor = "multi_thread")]
async fn status_lists_are_signed_by_a_key_in_a_token() {
    let token = Token::new();
    let (with, without) = token.configurations();
    let (keys, sessions) = installed(&token, &with, &without).await;
    let server = token.served(&with);
    issued(&server, &sessions, &number(3)).await;
    let trust = token.trust(&with);
    let forms = token.forms(&without, &number(3)).await;
    let form = forms.iter().find(|form| form.suite == "ES256").unwrap();
    let form = Unverified::parse(&form.form)
        .unwrap()
        .verify(&trust)
        .unwrap();
    let index = form.claims().status.index;
    for form in ["application/statuslist+jwt", "application/statuslist+cwt"] {
        let list = published(&server, form).await;
        let list = UnverifiedStatusList::parse(&list).unwrap();
        assert_eq!(*list.key_id(), of_use(&keys, "online"));
        let list = list.verify(&trust).unwrap();
        assert_eq!((list.number(), list.value(index)), (0, Some(0)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_a_token_are_adopted_by_an_installation_that_has_others() {
    let token = Token::new();
    let (with, without) = token.configurations();
    let root = token.folder.path("root.json");
    let made = token.done(&without, &["keys", "generate", "--root-out", &root]);
    let sealed = signing(&made);
    let first = token.done(&without, &["staff", "bootstrap", "--login", "admin"]);
    let password = first.trim().split_once("  ").unwrap().1;
    let sessions = seed(&token.folder, &without, password).await;

    let change = ["keys", "adopt", "--root", &root, "--by", "admin"];
    let refused = token.run(&without, &change);
    assert!(
        refused.code == 2 && refused.err.contains("not-found"),
        "{}",
        refused.err
    );
    let waits = token.done(&with, &change);
    let id = waits.split_whitespace().next().unwrap().to_owned();
    let second = sessions::administrator(&token.folder, &without, "second", password).await;
    let server = token.served(&with);
    let mut admin = Http::of(&server.base, ("cookie", &second));
    let path = format!("/admin/trust-proposals/{id}/activation");
    let (status, answer) = admin.post(&path, &json!({})).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    // What devices show is signed in SM2: those of before sign nothing.
    let keys = signing(&token.done(&with, &["keys", "list"]));
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| !sealed.contains(key)));
    issued(&server, &sessions, &number(7)).await;
    let licence = of_use(&keys, "licence");
    is_by(
        &token.forms(&without, &number(7)).await,
        licence,
        &token.trust(&with),
    );

    // Named once, they are not named again.
    let again = token.run(&with, &change);
    assert!(
        again.code == 2 && again.err.contains("not-in-this-state"),
        "{}",
        again.err
    );
}

#[test]
fn keys_in_a_token_that_is_not_as_configured_are_refused() {
    let token = Token::new();
    token.import("P-384", "long", "03");
    token.import("P-256", "twice", "04");
    token.import("P-256", "twice", "05");
    let wrong_pin = token.folder.write_private("wrong", "not-the-pin\n");
    let wrong_pin = format!("\"{wrong_pin}\"");
    let no_library = token.folder.write("library.so", "none");
    let no_library = format!("\"{no_library}\"");
    for (changes, code) in [
        (&[("pin_file", wrong_pin.as_str())][..], "pkcs11-pin"),
        (&[("token", "\"another\"")], "pkcs11-token"),
        (&[("token", ""), ("slot", "4294967295")], "pkcs11-token"),
        (&[("licence_key", "\"none\"")], "pkcs11-key"),
        (&[("licence_key", "\"id:09\"")], "pkcs11-key"),
        (&[("licence_key", "\"twice\"")], "pkcs11-key"),
        (&[("licence_key", "\"long\"")], "pkcs11-key-unfit"),
        (&[("licence_key", "\"online\"")], "pkcs11-one-key"),
        (&[("module", no_library.as_str())], "pkcs11-module"),
        (&[("module", "\"/none/library.so\"")], "pkcs11-module"),
        (&[("pin_file", "\"/none/pin\"")], "passphrase-unreadable"),
    ] {
        let config = configure(&token.folder, &token.section(changes));
        let check = token.run(&config, &["config", "check"]);
        let line = format!("problem: {code}: ");
        assert!(
            check.code == 1 && check.err.contains(&line),
            "{code}: {}",
            check.err
        );
        let opened = token.run(&config, &["keys", "generate"]);
        let line = format!("jiazhao: {code}: ");
        assert!(
            opened.code == 2 && opened.err.contains(&line),
            "{code}: {}",
            opened.err
        );
    }
    let section = format!("[issuer]\nsuites = [\"SM2-SM3\"]\n{}", token.section(&[]));
    let config = configure(&token.folder, &section);
    let check = token.run(&config, &["config", "check"]);
    assert!(
        check.err.contains("problem: pkcs11-suite: "),
        "{}",
        check.err
    );
    // Without a PIN file nobody is asked, and the token is looked for all the same.
    let config = configure(&token.folder, &token.section(&[("pin_file", "")]));
    assert_eq!(token.run(&config, &["config", "check"]).code, 0);
    let other = [("pin_file", ""), ("token", "\"another\"")];
    let config = configure(&token.folder, &token.section(&other));
    assert_eq!(token.run(&config, &["config", "check"]).code, 1);
}
