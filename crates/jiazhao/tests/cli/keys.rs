//! `jiazhao keys`, `trust`, `staff`, and what `serve` refuses.

use super::*;

#[test]
fn keys_are_made_once_and_serve_refuses_beside_the_root() {
    let folder = Folder::new();
    let run = folder.run(&["serve"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("no-signing-keys"), "{}", run.err);

    let made = folder.run(&["keys", "generate"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert_eq!(made.out.lines().count(), 4, "{}", made.out);
    for key in [
        "SM2-SM3  licence",
        "SM2-SM3  online",
        "ES256  licence",
        "ES256  online",
    ] {
        assert!(
            made.out.contains(&format!("  {key}  active  signs  ")),
            "{}",
            made.out
        );
    }
    let root = folder.path("data/keys/root.json");
    assert!(
        fs::read_to_string(&root)
            .unwrap()
            .contains("jiazhao-root-keys/1")
    );
    assert_eq!(folder.run(&["keys", "list"]).out, made.out);

    let beside = folder.run(&["serve"]);
    assert_eq!(beside.code, 2);
    assert!(beside.err.contains("root-key-beside"), "{}", beside.err);

    let again = folder.run(&["keys", "generate", "--root-out", &folder.path("other.json")]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("keys-exist"), "{}", again.err);
    assert!(!Path::new(&folder.path("other.json")).exists());

    let trust = folder.path("trust.json");
    assert_eq!(folder.run(&["trust", "export", "--out", &trust]).code, 0);
    let told = folder.run(&["trust", "export"]).out;
    assert_eq!(fs::read_to_string(&trust).unwrap(), told);
    let list = credential::SignedTrustList::from_json(told.as_bytes()).unwrap();
    assert_eq!(list.verify(None).unwrap().list().keys.len(), 4);
}

#[test]
fn a_root_file_is_never_overwritten() {
    let folder = Folder::new();
    let kept = folder.write("kept.json", "precious");
    let run = folder.run(&["keys", "generate", "--root-out", &kept]);
    assert_eq!(run.code, 2);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "precious");
    let run = folder.run(&["keys", "list"]);
    assert!(run.err.contains("no-signing-keys"), "{}", run.err);
}

#[test]
fn terminals_get_a_pair_whose_public_key_is_configured() {
    let folder = Folder::new();
    let without = folder.run(&["config", "check"]);
    assert!(without.out.contains("codes.enforcement_key = -"));
    assert!(
        without.out.contains("# no enforcement codes"),
        "{}",
        without.out
    );
    let secret = folder.path("terminals.key");
    let made = folder.run(&["keys", "generate-enforcement", &secret]);
    assert_eq!(made.code, 0, "{}", made.err);
    let public = folder.path("terminals.key.pub");
    assert_eq!(made.out.trim(), public);
    let again = folder.run(&["keys", "generate-enforcement", &secret]);
    assert_eq!(again.code, 2);
    let file = folder.write(
        "a.toml",
        format!("[codes]\nenforcement_key = \"{public}\"\n"),
    );
    let run = folder.run(&["config", "check", "--config", &file]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(!run.out.contains("# no enforcement codes"), "{}", run.out);
    // Nothing can be sealed to it: said before anybody binds.
    fs::write(&public, "0".repeat(64)).unwrap();
    let run = folder.run(&["config", "check", "--config", &file]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("enforcement-key"), "{}", run.err);
    let suites = folder.write(
        "b.toml",
        "[issuer]\nsuites = [\"ES256\"]\n[codes]\nsuite = \"SM2-SM3\"\n",
    );
    let run = folder.run(&["config", "check", "--config", &suites]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("codes.suite"), "{}", run.err);
}

#[test]
fn the_first_administrator_is_made_once() {
    let folder = Folder::new();
    let first = folder.run(&["staff", "bootstrap", "--login", "chief"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let (login, password) = first.out.trim().split_once("  ").unwrap();
    assert_eq!((login, password.len()), ("chief", 14));
    let second = folder.run(&["staff", "bootstrap", "--login", "other"]);
    assert_eq!(second.code, 2);
    assert!(second.out.is_empty() && !second.err.is_empty());
}

#[test]
fn sc_63_lost_master_keys_are_said_so_and_not_replaced() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["keys", "generate"]).code, 0);
    fs::remove_file(folder.path("data/keys/master.key")).unwrap();
    let run = folder.run(&["keys", "list"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("key-missing"), "{}", run.err);
    assert!(!Path::new(&folder.path("data/keys/master.key")).exists());
}

/// A build that cannot reach a token does not sign by other keys instead.
#[cfg(not(feature = "pkcs11"))]
#[test]
fn a_token_is_refused_by_a_build_without_pkcs11() {
    let folder = Folder::new();
    let text = "[pkcs11]\nmodule = \"/lib/x.so\"\ntoken = \"t\"\nlicence_key = \"licence\"\n";
    let file = folder.write("a.toml", text);
    let check = folder.run(&["config", "check", "--config", &file]);
    assert_eq!(check.code, 1, "{}", check.err);
    assert!(check.out.contains("pkcs11.token = t"), "{}", check.out);
    for run in [check, folder.run(&["keys", "generate", "--config", &file])] {
        assert!(
            run.code > 0 && run.err.contains("pkcs11-not-built"),
            "{}",
            run.err
        );
    }
}
