//! Keys at the start: missing, wrong, swapped, damaged, protected, beside the data; and root keys
//! that are never lost.

use std::{io::Write as _, process::Stdio, time::Duration};

use authority::RootKeys;
use jiazhao::{
    app::{Ambient, App, Options},
    config::Config,
    key_files::root,
};
use storage::Partition;

use super::*;

const PASSPHRASE: &str = "correct horse battery staple";

/// An installation with signing keys, and its configuration file.
struct Site {
    folder: Folder,
    config: String,
    audit: String,
}

impl Site {
    fn on_sqlite() -> Self {
        Self::new("")
    }

    fn on_postgresql() -> Option<Self> {
        let server = testkit::postgres::Server::shared()?;
        let url = server.database();
        Some(Self::new(&format!("[database]\nurl = \"{url}\"\n")))
    }

    fn new(database: &str) -> Self {
        let folder = Folder::new();
        let (master, index) = (
            folder.path("secret/master.key"),
            folder.path("secret/index.key"),
        );
        let config = folder.write(
            "a.toml",
            format!("{database}[keys]\nmaster_file = \"{master}\"\nindex_file = \"{index}\"\n"),
        );
        let mut site = Self {
            folder,
            config,
            audit: String::new(),
        };
        let root = site.folder.path("offline/root.json");
        let made = site.run(&["keys", "generate", "--root-out", &root]);
        assert_eq!(made.code, 0, "{}", made.err);
        site.audit = site.audited();
        site
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.folder
            .run(&[&["--config", &self.config], arguments].concat())
    }

    /// What the audit says of itself: it counts the rows that every act leaves.
    fn audited(&self) -> String {
        let run = self.run(&["audit", "verify"]);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        run.out
    }

    fn key(&self, name: &str) -> String {
        self.folder.path(&format!("secret/{name}.key"))
    }

    /// Every command refuses with this code, and nothing of the data is touched.
    fn refuses(&self, code: &str, what: &str) {
        let database = || fs::read(self.folder.path("data/jiazhao.sqlite")).ok();
        let before = database();
        for command in [&["keys", "list"][..], &["serve"]] {
            let run = self.run(command);
            assert_eq!(run.code, 2, "{what}");
            let expected = format!("jiazhao: {code}: ");
            assert!(run.err.contains(&expected), "{what}: {}", run.err);
        }
        assert_eq!(before, database(), "{what}");
    }

    fn protect(&self, name: &str, arguments: &[&str]) -> Run {
        let key = self.key(name);
        self.run(&[&["keys", "protect", &key], arguments].concat())
    }
}

#[test]
fn sc_63_every_wrong_key_is_refused_by_name_on_sqlite() {
    wrong_keys(&Site::on_sqlite());
}

#[test]
fn sc_63_every_wrong_key_is_refused_by_name_on_postgresql() {
    if let Some(site) = Site::on_postgresql() {
        wrong_keys(&site);
    }
}

fn wrong_keys(site: &Site) {
    let (master, index) = (site.key("master"), site.key("index"));
    let right = |path: &str| fs::read_to_string(path).unwrap();
    let (right_master, right_index) = (right(&master), right(&index));
    let other = format!("{}\n", "5a".repeat(32));
    let short = right_master[..40].to_owned();
    let long = format!("{}00", right_master.trim_end());
    let garbage = "x".repeat(64);
    for (what, master_text, index_text, code) in [
        (
            "another master key",
            &other,
            &right_index,
            "database-mismatch",
        ),
        (
            "another index key",
            &right_master,
            &other,
            "database-mismatch",
        ),
        ("swapped", &right_index, &right_master, "database-mismatch"),
        ("one key twice", &right_master, &right_master, "keys-equal"),
        ("cut short", &short, &right_index, "key-malformed"),
        ("too long", &long, &right_index, "key-malformed"),
        ("no key", &right_master, &garbage, "key-malformed"),
    ] {
        fs::write(&master, master_text).unwrap();
        fs::write(&index, index_text).unwrap();
        site.refuses(code, what);
    }
    fs::write(&master, &right_master).unwrap();
    fs::write(&index, &right_index).unwrap();
    for path in [&master, &index] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o604)).unwrap();
        site.refuses("key-open-to-others", path);
        let checked = site.run(&["config", "check"]);
        assert_eq!(checked.code, 1);
        assert!(
            checked.err.contains("key-open-to-others"),
            "{}",
            checked.err
        );
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(path, format!("{path}.away")).unwrap();
        site.refuses("key-missing", path);
        fs::rename(format!("{path}.away"), path).unwrap();
    }
    assert_eq!(site.audited(), site.audit);
}

#[test]
fn sc_63_key_files_open_with_their_passphrase_only() {
    let site = Site::on_sqlite();
    let listed = site.run(&["keys", "list"]).out;
    let plain = site.run(&["config", "check"]);
    assert_eq!((plain.code, plain.err.matches("note: ").count()), (0, 2));
    let right = site.folder.write_private("pass", format!("{PASSPHRASE}\n"));
    let secret = fs::read_to_string(site.key("master")).unwrap();
    for name in ["master", "index"] {
        let done = site.protect(name, &["--new-passphrase-file", &right]);
        assert_eq!(done.code, 0, "{}", done.err);
    }
    let text = fs::read_to_string(site.key("master")).unwrap();
    assert!(text.starts_with("jiazhao-protected-key/1 master\n") && !text.contains(secret.trim()));
    let mode = fs::metadata(site.key("master")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let checked = site.run(&["config", "check"]);
    assert_eq!((checked.code, checked.err.as_str()), (0, ""));
    let open = |passphrase: &str, code: &str| {
        let file = site.folder.write_private("other", passphrase);
        let run = site.run(&["keys", "list", "--passphrase-file", &file]);
        let expected = if code.is_empty() { 0 } else { 2 };
        assert_eq!(run.code, expected, "{}", run.err);
        assert!(run.err.contains(code), "{}", run.err);
        assert!(!run.err.contains(PASSPHRASE) && !run.out.contains(PASSPHRASE));
        run
    };
    assert_eq!(open(PASSPHRASE, "").out, listed);
    open("correct horse battery stable", "key-not-opened");
    open("", "passphrase-unreadable");
    let public = site.folder.write("public", PASSPHRASE);
    fs::set_permissions(&public, fs::Permissions::from_mode(0o644)).unwrap();
    let run = site.run(&["keys", "list", "--passphrase-file", &public]);
    assert!(run.err.contains("passphrase-open-to-others"), "{}", run.err);

    // Each for its purpose only, and a wrapping key does as well.
    let (master, index) = (site.key("master"), site.key("index"));
    fs::rename(&master, site.key("x")).unwrap();
    fs::rename(&index, &master).unwrap();
    fs::rename(site.key("x"), &index).unwrap();
    open(PASSPHRASE, "key-for-another-purpose");
    fs::rename(&master, site.key("x")).unwrap();
    fs::rename(&index, &master).unwrap();
    fs::rename(site.key("x"), &index).unwrap();
    let wrapping = site.folder.path("token/wrapping.key");
    let pass = ["--passphrase-file", right.as_str()];
    let again = site.protect(
        "master",
        &[&["--new-wrapping-file", &wrapping], &pass[..]].concat(),
    );
    assert_eq!(again.code, 0, "{}", again.err);
    open(PASSPHRASE, "wrapping-key-missing");
    let mut config = fs::read_to_string(&site.config).unwrap();
    config += "wrapping_file = \"WRAPPING\"\npassphrase_file = \"RIGHT\"\n";
    let config = config
        .replace("WRAPPING", &wrapping)
        .replace("RIGHT", &right);
    fs::write(&site.config, config).unwrap();
    assert_eq!(site.audited(), site.audit);
}

#[test]
fn a_passphrase_is_typed_unseen_and_never_on_the_command_line() {
    let site = Site::on_sqlite();
    let right = site.folder.write_private("pass", PASSPHRASE);
    let short = site.folder.write_private("short", "horse");
    let refused = site.protect("master", &["--new-passphrase-file", &short]);
    assert!(refused.err.contains("passphrase-short"), "{}", refused.err);
    let done = site.protect("master", &["--new-passphrase-file", &right]);
    assert_eq!(done.code, 0, "{}", done.err);
    let program = env!("CARGO_BIN_EXE_jiazhao");
    let data = site.folder.path("data");
    let list = ["--data", &data, "--config", &site.config, "keys", "list"];
    // Without a terminal nobody is asked.
    let alone = Command::new("setsid")
        .args(["--wait", program])
        .args(list)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(alone.stderr).unwrap();
    assert!(told.contains("passphrase-missing"), "{told}");
    // On one, what is typed is not shown.
    let mut typed = Command::new("script")
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{program} {}", list.join(" ")))
        .arg("/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = typed.stdin.take().unwrap();
    // The terminal drops what comes before the echo is off: wait for the question.
    let mut out = typed.stdout.take().unwrap();
    let mut seen = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&seen).contains("): ") {
        assert_eq!(std::io::Read::read(&mut out, &mut byte).unwrap(), 1);
        seen.push(byte[0]);
    }
    writeln!(stdin, "{PASSPHRASE}").unwrap();
    std::io::Read::read_to_end(&mut out, &mut seen).unwrap();
    assert!(typed.wait().unwrap().success());
    let seen = String::from_utf8_lossy(&seen);
    assert!(
        seen.contains("  ES256  licence  active  ") && !seen.contains(PASSPHRASE),
        "{seen}"
    );
}

#[test]
fn serve_on_a_server_refuses_keys_beside_the_data() {
    let Some(server) = testkit::postgres::Server::shared() else {
        return;
    };
    let folder = Folder::new();
    let url = server.database();
    let write = |keys: &str| {
        folder.write(
            "a.toml",
            format!("[database]\nurl = \"{url}\"\n[keys]\n{keys}"),
        )
    };
    let config = write("");
    let root = folder.path("root.json");
    let made = folder.run(&["--config", &config, "keys", "generate", "--root-out", &root]);
    assert_eq!(made.code, 0, "{}", made.err);
    let serve = ["--config", &config, "serve"];
    let refused = folder.run(&serve);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("key-beside-data"), "{}", refused.err);
    let checked = folder.run(&["--config", &config, "config", "check"]);
    assert_eq!(
        (checked.code, checked.err.matches("key-beside-data").count()),
        (1, 2)
    );
    // Told so, it goes on: here to the root keys, which lie with the others.
    write("beside_data = true\n");
    fs::copy(&root, folder.path("data/keys/old.json")).unwrap();
    let next = folder.run(&serve);
    assert!(next.err.contains("root-key-beside"), "{}", next.err);
    assert!(next.err.contains("old.json"), "{}", next.err);
    // Under a passphrase the keys may lie there, but not the passphrase with them.
    let pass = folder.write_private("data/pass", PASSPHRASE);
    write("");
    for name in ["master", "index"] {
        let key = folder.path(&format!("data/keys/{name}.key"));
        let run = folder.run(&[
            "--config",
            &config,
            "keys",
            "protect",
            &key,
            "--new-passphrase-file",
            &pass,
        ]);
        assert_eq!(run.code, 0, "{}", run.err);
    }
    write(&format!("passphrase_file = \"{pass}\"\n"));
    let refused = folder.run(&serve);
    assert!(refused.err.contains("key-beside-data"), "{}", refused.err);
    let away = folder.write_private("pass", PASSPHRASE);
    write(&format!("passphrase_file = \"{away}\"\n"));
    let next = folder.run(&serve);
    assert!(next.err.contains("root-key-beside"), "{}", next.err);
}

#[test]
fn a_protected_root_key_is_found_and_read_too() {
    let site = Site::on_sqlite();
    let root = site.folder.path("offline/root.json");
    let before = fs::read(&root).unwrap();
    let pass = site.folder.write_private("pass", PASSPHRASE);
    let run = site.run(&["keys", "protect", &root, "--new-passphrase-file", &pass]);
    assert_eq!(run.code, 0, "{}", run.err);
    let unlock = jiazhao::unlock::Unlock::new(Some(pass.into()), None);
    let read = root::read(Path::new(&root), &unlock).unwrap();
    assert_eq!(read.to_json().as_bytes(), before);
    fs::copy(&root, site.folder.path("secret/r")).unwrap();
    let serve = site.run(&["serve"]);
    assert!(serve.err.contains("root-key-beside"), "{}", serve.err);
    let other = site.folder.write("note.txt", "nothing secret");
    let run = site.run(&["keys", "protect", &other]);
    assert!(run.err.contains("key-unknown"), "{}", run.err);
}

/// The file is whole and on the disk while the keys do not count yet. The commit is held up by
/// another write, and then given up as a crash would.
#[test]
fn root_keys_are_kept_before_they_count() {
    let folder = Folder::new();
    let data = folder.path("data");
    let config = Config::parse("", None, Path::new(&data)).unwrap();
    let path = config.root_key_file();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let ambient = Ambient::system().unwrap();
        let app = App::open(&config, &ambient, Options::default())
            .await
            .unwrap();
        let store = app.authority().store().clone();
        let write = store.begin_in(Partition::SYSTEM).await.unwrap();
        let (other, to) = (app.clone(), path.clone());
        let generating = tokio::spawn(async move { other.establish_keys(&to).await });
        let pending = root::pending(&path);
        let whole = || fs::read(&pending).is_ok_and(|json| RootKeys::from_json(&json).is_ok());
        while !whole() {
            assert!(!generating.is_finished());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(store.trust_list().await.unwrap().is_none());
        generating.abort();
        assert!(generating.await.unwrap_err().is_cancelled());
        drop(write);
        assert!(store.trust_list().await.unwrap().is_none());
        app.close().await;
    });
    // The next start takes the place of what never counted.
    let made = folder.run(&["keys", "generate"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(path.exists() && !root::pending(&path).exists());
}

#[test]
fn root_keys_that_count_are_finished_and_others_left_alone() {
    let folder = Folder::new();
    let root = folder.path("data/keys/root.json");
    assert_eq!(folder.run(&["keys", "generate"]).code, 0);
    let kept = fs::read(&root).unwrap();
    // As after a crash between commit and name.
    let pending = root::pending(Path::new(&root));
    fs::rename(&root, &pending).unwrap();
    let serve = folder.run(&["serve"]);
    assert!(serve.err.contains("root-key-beside"), "{}", serve.err);
    let again = folder.run(&["keys", "generate"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(fs::read(&root).unwrap(), kept);
    assert!(!pending.exists());

    // Outside the data folder another installation's may lie: they are not ours to remove.
    let other = Folder::new();
    let elsewhere = other.path("offline/root.json");
    let theirs = other.write_private("offline/root.json.pending", &kept);
    let refused = other.run(&["keys", "generate", "--root-out", &elsewhere]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("root-keys-pending"), "{}", refused.err);
    assert_eq!(fs::read(&theirs).unwrap(), kept);
    let listed = other.run(&["keys", "list"]);
    assert!(listed.err.contains("no-signing-keys"), "{}", listed.err);
}

#[test]
fn the_suite_at_rest_is_configured_for_a_new_store() {
    for (said, other) in [("sm4-gcm", "aes-256-gcm"), ("aes-256-gcm", "sm4-gcm")] {
        let folder = Folder::new();
        let write =
            |suite: &str| folder.write("a.toml", format!("[storage]\nat_rest = \"{suite}\"\n"));
        let config = write(said);
        let made = folder.run(&["--config", &config, "keys", "generate"]);
        assert_eq!(made.code, 0, "{}", made.err);
        let listed = folder.run(&["--config", &config, "seal", "list"]);
        assert!(
            listed.out.starts_with(&format!("1  {said}  ")),
            "{}",
            listed.out
        );
        write(other);
        let refused = folder.run(&["--config", &config, "seal", "list"]);
        assert_eq!(refused.code, 2);
        assert!(
            refused.err.contains("at-rest-suite") && refused.err.contains(said),
            "{}",
            refused.err
        );
        // Where nothing is said, the store's own counts.
        assert_eq!(folder.run(&["seal", "list"]).out, listed.out);
    }
}
