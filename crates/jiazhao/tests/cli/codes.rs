//! `jiazhao verify` of codes, offline, with the files that verifiers in other languages use too.

use std::sync::LazyLock;

use super::*;

static FILE: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test-vectors/codes.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
});

fn case(name: &str) -> &'static Value {
    let mut cases = FILE["cases"].as_array().unwrap().iter();
    cases.find(|case| case["name"] == name).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

/// The trust list and the folder of status lists of a case, as files.
fn files(folder: &Folder, case: &Value) -> (String, String) {
    let trust = folder.write(
        "trust.json",
        FILE["trust_lists"][text(case, "trust")].to_string(),
    );
    let held = folder.path("lists");
    drop(fs::remove_dir_all(&held));
    fs::create_dir(&held).unwrap();
    for list in FILE["status_lists"][text(case, "lists")]
        .as_array()
        .unwrap()
    {
        if let Some(jwt) = list["jwt"].as_str() {
            folder.write("lists/79.jwt", jwt);
        } else {
            use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
            let cwt = URL_SAFE_NO_PAD.decode(text(list, "cwt")).unwrap();
            folder.write("lists/79.cwt", cwt);
        }
    }
    (trust, held)
}

fn verify(folder: &Folder, case: &Value, more: &[&str]) -> (Run, Value) {
    let (trust, lists) = files(folder, case);
    let (code, at) = (text(case, "code"), text(case, "at"));
    let fixed = ["verify", "--trust", &trust, "--status", &lists, "--at", at];
    let run = |last: &[&str]| folder.run(&[&fixed[..], more, last, &["--", code]].concat());
    let json = run(&["--json"]);
    let json = serde_json::from_str(&json.out).unwrap_or_default();
    (run(&[]), json)
}

fn reasons(json: &Value) -> Vec<&str> {
    let reasons = json["reasons"].as_array().unwrap();
    reasons.iter().map(|it| text(it, "code")).collect()
}

#[test]
fn sc_13_an_offline_code_is_0_with_its_status_as_of_the_lists_time() {
    let folder = Folder::new();
    for suite in ["ES256", "SM2-SM3"] {
        let (run, json) = verify(
            &folder,
            case(&format!("offline with portrait, {suite}")),
            &[],
        );
        assert_eq!(run.code, 0, "{} {}", run.out, run.err);
        for line in [
            "fresh         yes",
            "status        valid (as of 2021-09-14T20:00:00Z)",
            "person        portrait-shown",
            "number        5101**********9917",
            "renewed at    2021-09-14T00:00:00Z",
        ] {
            assert!(run.out.contains(line), "{line} in {}", run.out);
        }
        assert!(!run.out.contains("510199199001019917"));
        assert_eq!(json["status_as_of"], "2021-09-14T20:00:00Z");
        assert_eq!(json["code"]["kind"], "offline");
    }
    let (run, json) = verify(&folder, case("status red, in the list for verifiers"), &[]);
    assert_eq!((run.code, &json["status"]), (1, &json!("red")));
    for name in ["no status list", "status list stale"] {
        let (run, json) = verify(&folder, case(name), &[]);
        assert_eq!(
            (run.code, &json["status"]),
            (2, &json!("unknown")),
            "{name}"
        );
        assert_eq!(json["authentic"], json!(true));
    }
}

#[test]
fn sc_12_a_dynamic_or_numeric_code_needs_the_server() {
    let folder = Folder::new();
    for (name, code, first) in [
        ("dynamic", 2, "needs-server"),
        ("numeric", 2, "needs-server"),
        ("dynamic, a screenshot of two minutes ago", 1, "not-fresh"),
    ] {
        let (run, json) = verify(&folder, case(name), &[]);
        assert_eq!((run.code, reasons(&json)[0]), (code, first), "{name}");
        assert_eq!(json["authentic"], json!(false));
    }
}

#[test]
fn sc_42_sc_45_sc_64_what_is_wrong_with_a_code_is_told_by_its_reason() {
    let folder = Folder::new();
    for name in [
        "profile altered",
        "unknown key",
        "another holder's device",
        "another portrait, signed by the device",
        "stamp of another credential",
        "stamp stale",
        "credential expired",
        "clock ten minutes off, the verifier's ahead",
        "truncated by half",
        "re-encoded: a longer integer",
        "trust list stale",
        "under: licence keys revoked",
        "under: licence keys retired",
        "under: licence keys removed",
    ] {
        let case = case(name);
        let (run, json) = verify(&folder, case, &[]);
        let expect = &case["expect"];
        assert_eq!(json!(run.code), expect["exit_code"], "{name}");
        assert_eq!(json!(reasons(&json)), expect["reasons"], "{name}");
        assert!(!run.out.to_lowercase().contains("revoked licence"));
    }
}

#[test]
fn a_verifier_with_a_state_refuses_a_repetition_and_an_older_trust_list() {
    let folder = Folder::new();
    let good = case("offline without portrait, SM2-SM3");
    let (trust, lists) = files(&folder, good);
    let older = folder.write("older.json", FILE["trust_lists"]["older"].to_string());
    let state = folder.path("state.json");
    let run = |trust: &str, at: &str| {
        let code = text(good, "code");
        let fixed = ["verify", "--json", "--trust", trust, "--status", &lists];
        let run = folder.run(&[&fixed[..], &["--state", &state, "--at", at, "--", code]].concat());
        let json: Value = serde_json::from_str(&run.out).unwrap_or_default();
        (run, json)
    };
    assert_eq!(run(&trust, "2021-09-15T00:00:01Z").0.code, 0);
    let (again, json) = run(&trust, "2021-09-15T00:00:30Z");
    assert_eq!((again.code, reasons(&json)), (1, vec!["code-used"]));
    let (rolled_back, json) = run(&older, "2021-09-15T00:00:31Z");
    assert_eq!(rolled_back.code, 1);
    assert!(reasons(&json).contains(&"trust-list-rolled-back"));
    assert_eq!(json["trust_list"]["rolled_back"], json!(true));

    fs::write(&state, "{}").unwrap();
    let (unusable, _) = run(&trust, "2021-09-15T00:01:00Z");
    assert!(unusable.code == 2 && unusable.err.contains("not-verifier-state"));
}

#[test]
fn status_lists_that_are_not_believed_are_named_and_left_out() {
    let folder = Folder::new();
    let good = case("offline without portrait, SM2-SM3");
    let (trust, lists) = files(&folder, good);
    let cwt = fs::read(folder.path("lists/79.cwt")).unwrap();
    let mut altered = cwt.clone();
    *altered.last_mut().unwrap() ^= 1;
    let run = || {
        let (code, at) = (text(good, "code"), text(good, "at"));
        let fixed = ["verify", "--trust", &trust, "--status", &lists];
        folder.run(&[&fixed[..], &["--at", at, "--", code]].concat())
    };
    assert_eq!(run().code, 0);
    for (name, bytes, reason) in [
        ("lists/79.cwt", &altered, "status-list-bad-signature"),
        ("lists/80.cwt", &cwt, "status-list-other-number"),
        ("lists/79.jwt", &b"a.b.c".to_vec(), "headers"),
    ] {
        fs::remove_file(folder.path("lists/79.cwt")).ok();
        let written = folder.write(name, bytes);
        let run = run();
        assert!(
            run.code == 2 && run.err.contains(reason),
            "{} {}",
            run.code,
            run.err
        );
        fs::remove_file(written).unwrap();
    }
}

#[test]
fn a_batch_takes_codes_beside_credentials() {
    let folder = Folder::new();
    let good = case("offline without portrait, ES256");
    let (trust, lists) = files(&folder, good);
    let run = |names: &[&str]| {
        let lines: Vec<_> = names.iter().map(|name| text(case(name), "code")).collect();
        let file = folder.write("codes.txt", lines.join("\r\n"));
        let fixed = ["verify", "--batch", &file, "--trust", &trust];
        folder.run(&[&fixed[..], &["--status", &lists, "--at", text(good, "at")]].concat())
    };
    let names = ["offline without portrait, ES256", "enforcement, SM2-SM3"];
    let all_good = run(&names);
    assert_eq!(all_good.code, 0, "{}", all_good.out);
    assert_eq!(
        all_good.last_line(),
        "checked 2, authentic 2, failed 0, unchecked 0"
    );
    let some = run(&[names[0], "dynamic", "profile altered"]);
    assert_eq!(some.code, 1);
    assert!(
        some.out.starts_with("line 3: bad-signature: "),
        "{}",
        some.out
    );
    assert_eq!(
        some.last_line(),
        "checked 3, authentic 1, failed 1, unchecked 1"
    );
    assert_eq!(run(&[names[1], "numeric"]).code, 2);
}

#[test]
fn what_an_issuer_signed_verifies_in_openssl_by_the_command_that_is_told() {
    let folder = Folder::new();
    for suite in ["ES256", "SM2-SM3"] {
        let out = folder.path(suite);
        let case = case(&format!("offline without portrait, {suite}"));
        let (run, _) = verify(&folder, case, &["--export-signature", &out]);
        assert_eq!(run.code, 0, "{}", run.err);
        let openssl = || {
            let words: Vec<&str> = run.err.trim().split(' ').collect();
            assert_eq!(words[0], "openssl");
            let status = Command::new(words[0])
                .args(&words[1..])
                .current_dir(&out)
                .output();
            status.unwrap().status.success()
        };
        assert!(openssl(), "{}", run.err);
        fs::write(Path::new(&out).join("message"), "another").unwrap();
        assert!(!openssl());
    }
    let (run, _) = verify(
        &folder,
        case("dynamic"),
        &["--export-signature", &folder.path("x")],
    );
    assert!(
        run.code == 2 && run.err.contains("no-issuer-signature"),
        "{}",
        run.err
    );
    let unknown = case("unknown key");
    let (run, _) = verify(&folder, unknown, &["--export-signature", &folder.path("x")]);
    assert!(
        run.code == 2 && run.err.contains("key-unknown"),
        "{}",
        run.err
    );
}

#[cfg(feature = "image")]
#[test]
fn sc_13_a_picture_of_the_code_is_read_and_verified() {
    use fast_qr::{ECL, Mode, QRBuilder};
    use image::{GrayImage, Luma};

    let folder = Folder::new();
    let good = case("offline with portrait, SM2-SM3");
    let (trust, lists) = files(&folder, good);
    let code = text(good, "code");
    let symbol = QRBuilder::new(code)
        .mode(Mode::Alphanumeric)
        .ecl(ECL::M)
        .build()
        .unwrap();
    let side = u32::try_from(symbol.size).unwrap();
    let picture = GrayImage::from_fn((side + 8) * 4, (side + 8) * 4, |x, y| {
        let module = |at: u32| usize::try_from(at / 4).unwrap().checked_sub(4);
        let inside = |at: &usize| *at < symbol.size;
        let dark = module(x).filter(inside).zip(module(y).filter(inside));
        let dark = dark.is_some_and(|(x, y)| symbol[y][x].value());
        Luma([if dark { 20 } else { 235 }])
    });
    let file = folder.path("code.png");
    picture.save(&file).unwrap();
    let run = |file: &str| {
        let fixed = [
            "verify", "--image", file, "--trust", &trust, "--status", &lists,
        ];
        folder.run(&[&fixed[..], &["--at", text(good, "at")]].concat())
    };
    let read = run(&file);
    assert_eq!(read.code, 0, "{} {}", read.out, read.err);
    for (name, content, reason) in [
        ("blank.png", None, "no-code-in-picture"),
        ("text.png", Some("no picture"), "not-a-picture"),
    ] {
        let file = folder.path(name);
        match content {
            Some(content) => fs::write(&file, content).unwrap(),
            None => GrayImage::from_pixel(200, 200, Luma([255]))
                .save(&file)
                .unwrap(),
        }
        let run = run(&file);
        assert!(run.code == 2 && run.err.contains(reason), "{}", run.err);
    }
}
