//! Changes of trust by the command line, with the roots on another machine (SC-64).

use std::process::Command;

use super::*;

/// Keys, their roots on a machine of its own, and an administrator.
fn installed() -> (Folder, Folder, String) {
    let (folder, offline) = (Folder::new(), Folder::new());
    let root = offline.path("root.json");
    let made = folder.run(&["keys", "generate", "--root-out", &root]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert_eq!(
        folder.run(&["staff", "bootstrap", "--login", "chief"]).code,
        0
    );
    (folder, offline, root)
}

/// The key of this kind that signs.
fn signing(folder: &Folder, kind: &str) -> String {
    let list = folder.run(&["keys", "list"]).out;
    let line = list
        .lines()
        .find(|line| line.contains(kind) && line.contains("  signs  "));
    line.unwrap().split("  ").next().unwrap().to_owned()
}

fn list(folder: &Folder) -> credential::VerifiedTrustList {
    let told = folder.run(&["trust", "export"]).out;
    let list = credential::SignedTrustList::from_json(told.as_bytes()).unwrap();
    list.verify(None).unwrap()
}

#[test]
fn sc_64_a_list_is_prepared_here_signed_elsewhere_and_brought_back() {
    let (folder, offline, root) = installed();
    let key = signing(&folder, "SM2-SM3  licence");
    let (proposal, signed) = (folder.path("proposal.json"), offline.path("signed.json"));
    let run = folder.run(&["keys", "revoke", &key, "--out", &proposal]);
    assert_eq!(
        (run.code, run.out.trim()),
        (0, proposal.as_str()),
        "{}",
        run.err
    );
    assert!(run.err.contains("active -> revoked"), "{}", run.err);

    let sign = [
        "keys",
        "sign-proposal",
        &proposal,
        "--root",
        &root,
        "--out",
        &signed,
    ];
    let run = offline.run(&sign);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.err.contains("version 2 after 1") && run.err.contains(&key),
        "{}",
        run.err
    );
    // It needs no database, and makes none.
    assert!(!Path::new(&offline.path("data")).exists());

    let run = folder.run(&["keys", "submit", &signed, "--by", "nobody"]);
    assert!(
        run.code == 2 && run.err.contains("not-your-role"),
        "{}",
        run.err
    );
    let run = folder.run(&["keys", "submit", &signed, "--by", "chief"]);
    assert!(
        run.code == 0 && run.out.starts_with("activated"),
        "{}",
        run.err
    );
    let run = folder.run(&["keys", "submit", &signed, "--by", "chief"]);
    assert!(
        run.code == 2 && run.err.contains("trust-proposal-stale"),
        "{}",
        run.err
    );
    let listed = folder.run(&["keys", "list"]);
    assert!(
        listed
            .out
            .contains(&format!("{key}  SM2-SM3  licence  revoked  -")),
        "{}",
        listed.out
    );
    assert!(listed.err.contains("nothing is issued"), "{}", listed.err);
    assert_eq!(list(&folder).list().version, 2);
}

#[test]
fn with_the_roots_at_hand_a_change_is_one_command() {
    let (folder, _offline, root) = installed();
    let key = signing(&folder, "SM2-SM3  licence");
    let change = |arguments: &[&str]| {
        let run = folder.run(&[arguments, &["--root", &root, "--by", "chief"]].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        run
    };
    let run = change(&["keys", "revoke", &key]);
    assert!(run.out.starts_with("activated"), "{}", run.out);
    // A rotation waits for somebody else, and the way back for two.
    let run = change(&["keys", "rotate", "--suite", "SM2-SM3"]);
    assert!(run.out.contains("waits for 1 other"), "{}", run.out);
    assert_eq!(run.err.matches("not named -> active").count(), 2);
    let run = change(&["keys", "restore", &key]);
    assert!(run.out.contains("waits for 2 other"), "{}", run.out);
    assert_eq!(list(&folder).list().version, 2);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_made() {
    let (folder, offline, root) = installed();
    let listed = folder.run(&["keys", "list"]).out;
    let (_elsewhere, _kept, others) = installed();
    let proposal = folder.path("proposal.json");
    assert_eq!(folder.run(&["keys", "renew", "--out", &proposal]).code, 0);
    let signed = offline.path("signed.json");
    let sign = |root: &str| {
        folder.run(&[
            "keys",
            "sign-proposal",
            &proposal,
            "--root",
            root,
            "--out",
            &signed,
        ])
    };
    // Roots of another installation, no roots, and a proposal that is none.
    let run = sign(&others);
    assert!(
        run.code == 2 && run.err.contains("trust-list-refused"),
        "{}",
        run.err
    );
    assert_eq!(sign(&folder.path("data/keys/master.key")).code, 2);
    let garbage = folder.write("garbage.json", "{\"format\":\"jiazhao-trust-proposal/1\"}");
    let run = folder.run(&[
        "keys",
        "sign-proposal",
        &garbage,
        "--root",
        &root,
        "--out",
        &signed,
    ]);
    assert!(
        run.code == 2 && run.err.contains("trust-list-refused"),
        "{}",
        run.err
    );
    assert!(!Path::new(&signed).exists());
    let key = signing(&folder, "ES256  licence");
    for arguments in [
        &["keys", "rotate"][..],
        &["keys", "rotate", "--root", &root],
        &[
            "keys", "rotate", "--root", &root, "--out", &proposal, "--by", "chief",
        ],
        &["keys", "rotate", "--use", "other", "--out", &proposal],
        &["keys", "rotate", "--root", &garbage, "--by", "chief"],
        &["keys", "retire", &key, "--out", &proposal],
        &["keys", "restore", &key, "--out", &proposal],
        &["keys", "revoke", "00", "--out", &proposal],
        &["keys", "revoke", &"0".repeat(32), "--out", &proposal],
        &["keys", "submit", &proposal, "--by", "chief"],
    ] {
        assert_eq!(folder.run(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(folder.run(&["keys", "list"]).out, listed);
}

#[test]
fn certificates_are_exported_and_openssl_verifies_them() {
    let (folder, _offline, root) = installed();
    let certificates = folder.path("certificates");
    let run = folder.run(&["trust", "export", "--certificates", &certificates]);
    assert_eq!((run.code, run.out.lines().count()), (0, 6), "{}", run.err);
    // Those of keys that come later are beside them, and none is made anew.
    let read = |path: &str| fs::read_to_string(path).unwrap();
    let first: Vec<_> = run
        .out
        .lines()
        .map(|path| (path.to_owned(), read(path)))
        .collect();
    let change = [
        "keys",
        "revoke",
        &signing(&folder, "ES256  online"),
        "--root",
        &root,
        "--by",
        "chief",
    ];
    assert_eq!(folder.run(&change).code, 0);
    assert_eq!(
        folder
            .run(&["trust", "export", "--certificates", &certificates])
            .code,
        0
    );
    for (path, pem) in &first {
        assert_eq!(&read(path), pem);
    }
    let list = list(&folder);
    for key in &list.list().keys {
        let file = format!("{certificates}/{}.pem", key.key_id());
        let verified = list.roots().iter().any(|root| {
            let root = format!("{certificates}/{root}.pem");
            let mut openssl = Command::new("openssl");
            openssl.args(["verify", "-x509_strict"]);
            if key.public_key.suite().as_str() == "SM2-SM3" {
                openssl.args(["-vfyopt", "distid:1234567812345678"]);
            }
            let run = openssl.args(["-CAfile", &root, &file]).output().unwrap();
            run.status.success()
        });
        assert!(verified, "{file}");
    }
}
