//! `jiazhao verify` of credential files, offline.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use credential::{
    KeyState, KeyUse, LicenceClaims, NumericDate, Sex, Signer, StatusReference, TrustList,
    TrustedKey, Validity, issue, sign_trust_list,
};
use jiff::Timestamp;

use super::*;

const NUMBER: &str = "110199199001019912";

fn at(text: &str) -> NumericDate {
    NumericDate::floor(text.parse::<Timestamp>().unwrap())
}

fn signer(suite: &Suite, seed: u64) -> SoftwareSigner {
    SoftwareSigner::generate(suite, &mut StdRng::seed_from_u64(seed)).unwrap()
}

fn claims() -> LicenceClaims {
    LicenceClaims {
        issuer: "测试系统".to_owned(),
        e_licence_id: "lic_1".to_owned(),
        credential_id: "crd_1".to_owned(),
        issued_at: at("2026-01-01T00:00:00Z"),
        not_before: at("2026-01-01T00:00:00Z"),
        expires_at: at("2027-01-01T00:00:00Z"),
        generated_at: at("2026-01-01T00:00:00Z"),
        status: StatusReference {
            list: "http://localhost/status/1".to_owned(),
            index: 1,
        },
        certificate_identifier: None,
        licence_number: NUMBER.to_owned(),
        name: "测试甲".to_owned(),
        sex: Sex::Male,
        nationality: "CHN".to_owned(),
        birth_date: date(1990, 1, 1),
        address: None,
        first_issue_date: date(2010, 1, 1),
        classes: vec!["C1".to_owned()],
        valid_from: date(2022, 1, 1),
        valid_until: Validity::Until(date(2028, 1, 1)),
        authority_code: "1101".to_owned(),
        authority_name: "北京市公安局公安交通管理局（演示）".to_owned(),
        file_number: None,
        document_edition: 1,
        portrait_sha256: None,
        holder_key: None,
    }
}

/// A trust list for the signers' keys, current in the first half of 2026.
fn trust(signers: &[&SoftwareSigner]) -> String {
    let list = TrustList {
        version: 1,
        issued_at: at("2026-01-01T00:00:00Z"),
        next_update: at("2026-07-01T00:00:00Z"),
        keys: signers
            .iter()
            .map(|signer| TrustedKey {
                public_key: signer.public_key().clone(),
                issuer: "测试系统".to_owned(),
                not_before: at("2026-01-01T00:00:00Z"),
                not_after: at("2027-12-31T00:00:00Z"),
                key_use: KeyUse::Licence,
                state: KeyState::Active,
            })
            .collect(),
    };
    let root = signer(&Suite::Es256, 99);
    sign_trust_list(&list, &[&root]).unwrap().to_json()
}

fn verify(folder: &Folder, credential: &str, trust: &str, at: &str) -> (Run, Value) {
    let mut arguments = vec!["verify", "--credential", credential, "--trust", trust];
    arguments.extend(["--at", at]);
    let text = folder.run(&arguments);
    arguments.push("--json");
    let run = folder.run(&arguments);
    assert_eq!(text.code, run.code);
    let json = serde_json::from_str(&run.out).unwrap_or_default();
    (text, json)
}

fn codes(json: &Value) -> Vec<&str> {
    let reasons = json["reasons"].as_array().unwrap();
    reasons
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect()
}

#[test]
fn r13_an_authentic_file_is_2_in_both_suites_because_a_file_is_never_fresh() {
    let folder = Folder::new();
    for suite in [Suite::sm2(), Suite::Es256] {
        let signer = signer(&suite, 1);
        let file = folder.write("a.cose", issue(&claims(), &signer).unwrap());
        let list = folder.write("trust.json", trust(&[&signer]));
        let (run, json) = verify(&folder, &file, &list, "2026-02-28T00:00:00Z");
        assert_eq!(run.code, 2, "{}", run.err);
        assert!(run.out.contains(NUMBER) && run.out.contains("authentic     yes"));
        assert_eq!(json["authentic"], json!(true));
        assert_eq!(json["fresh"], json!(false));
        assert_eq!(json["status"], json!("unknown"));
        assert_eq!(json["status_as_of"], Value::Null);
        assert_eq!(json["person"], json!("not-compared"));
        assert_eq!(codes(&json), ["not-fresh", "status-unknown"]);
    }
}

#[test]
fn sc_42_altered_resigned_foreign_and_expired_are_1_each_with_its_reason() {
    let folder = Folder::new();
    let (ours, other) = (signer(&Suite::sm2(), 1), signer(&Suite::sm2(), 2));
    let good = issue(&claims(), &ours).unwrap();
    let list = folder.write("trust.json", trust(&[&ours]));
    let mut altered = good.clone();
    let place = good
        .windows(NUMBER.len())
        .position(|window| window == NUMBER.as_bytes())
        .unwrap();
    altered[place] ^= 1;
    let foreign = issue(&claims(), &other).unwrap();
    let mut seen = Vec::new();
    for (name, bytes, at) in [
        ("altered", &altered, "2026-02-28T00:00:00Z"),
        ("foreign", &foreign, "2026-02-28T00:00:00Z"),
        ("expired", &good, "2027-01-01T00:00:00Z"),
        ("none", &b"hello".to_vec(), "2026-02-28T00:00:00Z"),
    ] {
        let file = folder.write(name, bytes);
        let (run, json) = verify(&folder, &file, &list, at);
        assert_eq!(run.code, 1, "{name}: {}", run.out);
        assert!(!run.out.to_lowercase().contains("revoked"), "{}", run.out);
        assert_eq!(json["authentic"], json!(name == "expired"), "{name}");
        if name != "expired" {
            assert!(!run.out.contains(NUMBER), "{name}");
        }
        seen.push(codes(&json)[0].to_owned());
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 4, "{seen:?}");
}

/// The credential of the test above, by the documented command.
#[test]
fn a_licence_file_of_each_suite_verifies_in_openssl() {
    let folder = Folder::new();
    for suite in [Suite::sm2(), Suite::Es256] {
        let signer = signer(&suite, 1);
        let file = folder.write("a.cose", issue(&claims(), &signer).unwrap());
        let list = folder.write("trust.json", trust(&[&signer]));
        let out = folder.path("signed");
        let run = folder.run(&[
            "verify",
            "--credential",
            &file,
            "--trust",
            &list,
            "--export-signature",
            &out,
        ]);
        let words: Vec<&str> = run.err.trim().split(' ').collect();
        let openssl = Command::new(words[0])
            .args(&words[1..])
            .current_dir(&out)
            .output();
        assert!(openssl.unwrap().status.success(), "{}", run.err);
    }
}

#[test]
fn sc_45_a_stale_trust_list_says_so() {
    let folder = Folder::new();
    let signer = signer(&Suite::sm2(), 1);
    let file = folder.write("a.cose", issue(&claims(), &signer).unwrap());
    let list = folder.write("trust.json", trust(&[&signer]));
    let (run, json) = verify(&folder, &file, &list, "2026-08-01T00:00:00Z");
    assert_eq!(run.code, 2);
    assert!(codes(&json).contains(&"trust-list-stale"));
}

/// R10: a list vouches for itself only as far as its roots do.
#[test]
fn roots_that_are_named_are_the_only_ones_believed() {
    let folder = Folder::new();
    let licence = signer(&Suite::sm2(), 1);
    let file = folder.write("a.cose", issue(&claims(), &licence).unwrap());
    let list = folder.write("trust.json", trust(&[&licence]));
    let root = signer(&Suite::Es256, 99).key_id().to_string();
    let other = licence.key_id().to_string();
    let run = |roots: &[&str]| {
        let mut arguments = vec!["verify", "--credential", &file, "--trust", &list];
        arguments.extend(["--at", "2026-02-01T00:00:00Z"]);
        arguments.extend(roots.iter().flat_map(|it| ["--root", it]));
        folder.run(&arguments)
    };
    assert_eq!(run(&[&root]).out, run(&[]).out);
    for roots in [&[other.as_str()][..], &[&root, &other]] {
        let refused = run(roots);
        assert_eq!(refused.code, 2);
        assert!(refused.out.is_empty() && refused.err.contains("trust-other-root"));
    }
}

#[test]
fn what_cannot_be_read_could_not_be_checked() {
    let folder = Folder::new();
    let signer = signer(&Suite::sm2(), 1);
    let file = folder.write("a.cose", issue(&claims(), &signer).unwrap());
    let good = trust(&[&signer]);
    let mut altered: Value = serde_json::from_str(&good).unwrap();
    let text = altered["lists"][0].as_str().unwrap();
    // The middle of the list: its signature stands for other bytes then.
    let mut bytes = STANDARD.decode(text).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    altered["lists"][0] = json!(STANDARD.encode(bytes));
    for (name, content) in [("no", "{}".to_owned()), ("altered", altered.to_string())] {
        let list = folder.write(name, content);
        let run = folder.run(&["verify", "--credential", &file, "--trust", &list]);
        assert_eq!(run.code, 2, "{name}");
        assert!(run.out.is_empty() && !run.err.is_empty(), "{name}");
    }
    let run = folder.run(&["verify", "--credential", &file, "--trust", "missing"]);
    assert!(
        run.code == 2 && run.err.contains("file-unreadable"),
        "{}",
        run.err
    );
}

#[test]
fn sc_42_a_batch_names_each_line_that_fails() {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let folder = Folder::new();
    let signers = [signer(&Suite::sm2(), 1), signer(&Suite::Es256, 2)];
    let list = folder.write("trust.json", trust(&[&signers[0], &signers[1]]));
    let mut lines = Vec::new();
    for i in 0..30_usize {
        let mut bytes = issue(&claims(), &signers[i % 2]).unwrap();
        if i == 7 {
            *bytes.last_mut().unwrap() ^= 1;
        }
        lines.push(URL_SAFE_NO_PAD.encode(bytes));
    }
    lines[20] = "no credential!".to_owned();
    let run = |name: &str, lines: &[String], more: &[&str]| {
        let file = folder.write(name, lines.join("\n"));
        let at = "2026-02-28T00:00:00Z";
        let fixed = ["verify", "--batch", &file, "--trust", &list, "--at", at];
        folder.run(&[&fixed[..], more].concat())
    };
    let some = run("some.txt", &lines, &[]);
    let told: Vec<&str> = some.out.lines().collect();
    assert_eq!(some.code, 1, "{}", some.err);
    assert!(told[0].starts_with("line 8: bad-signature: "), "{told:?}");
    assert!(
        told.iter()
            .any(|line| line.starts_with("line 21: not-base64url: "))
    );
    assert_eq!(
        told.last().copied(),
        Some("checked 30, authentic 28, failed 2, unchecked 28")
    );
    assert!(!some.out.contains("110199199001019912"));

    let good = run("good.txt", &lines[..7], &[]);
    assert_eq!(good.code, 2);
    assert_eq!(
        good.out.trim(),
        "checked 7, authentic 7, failed 0, unchecked 7"
    );
    assert_eq!(run("none.txt", &[], &[]).code, 0);

    let json = run("json.txt", &lines, &["--json"]);
    let first: Value = serde_json::from_str(json.out.lines().next().unwrap()).unwrap();
    assert_eq!(first["line"], json!(1));
    assert_eq!(first["answer"]["authentic"], json!(true));
}
