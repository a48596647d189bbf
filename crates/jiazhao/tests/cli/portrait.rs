//! Photos judged and compared from the command line. The faces are those that
//! `cargo xtask setup --models` fetches.

use jiazhao::demo::stills::STILLS;

use super::*;

pub(crate) fn models() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/models");
    let there = folder.join("blazeface.json").is_file();
    assert!(there, "the face models: run `cargo xtask setup --models`");
    folder.to_str().unwrap().to_owned()
}

/// A folder whose configuration names the models.
fn folder() -> Folder {
    let folder = Folder::new();
    let settings = format!("[models]\ndir = \"{}\"\n", models());
    folder.write("data/jiazhao.toml", settings);
    folder
}

fn photo(number: u8) -> String {
    format!("{}/photos/{number}.jpg", models())
}

fn answer(run: &Run) -> Value {
    serde_json::from_str(run.last_line()).unwrap()
}

#[test]
fn r58_a_group_is_refused_with_one_finding_for_each_rule() {
    let folder = folder();
    let run = folder.run(&["portrait", "assess", &photo(6), "--json"]);
    assert_eq!(run.code, 1, "{}", run.err);
    let answer = answer(&run);
    assert_eq!(
        (&answer["verdict"], &answer["faces"]),
        (&json!("fail"), &json!(4))
    );
    let findings = answer["findings"].as_array().unwrap();
    let rules: Vec<&str> = findings
        .iter()
        .map(|it| it["rule"].as_str().unwrap())
        .collect();
    assert_eq!(
        rules,
        (56..=74).map(|it| format!("R{it}")).collect::<Vec<_>>()
    );
    let count = &findings[2];
    assert_eq!(
        (&count["verdict"], &count["measure"]),
        (&json!("fail"), &json!("faces"))
    );
    assert!(!count["hint"]["zh"].as_str().unwrap().is_empty());
    let on_file = folder.run(&["portrait", "assess", &photo(6), "--profile", "on-file"]);
    assert_eq!((on_file.code, on_file.out.lines().count()), (1, 3));
}

#[test]
fn files_that_are_no_photos_could_not_be_judged() {
    let folder = folder();
    let text = folder.write("photo.jpg", "not a photo at all");
    let run = folder.run(&["portrait", "assess", &text]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("photo-not-an-image"), "{}", run.err);
    let run = folder.run(&["portrait", "assess", &folder.path("nowhere.jpg")]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("file-unreadable"), "{}", run.err);
}

#[test]
fn without_models_the_way_to_them_is_named() {
    let folder = Folder::new();
    folder.write("data/jiazhao.toml", "[models]\ndir = \"/nowhere\"\n");
    let run = folder.run(&["portrait", "assess", "photo.jpg"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("cargo xtask setup --models"),
        "{}",
        run.err
    );
}

#[test]
fn two_photos_are_compared_by_their_largest_faces() {
    let folder = folder();
    let same = folder.run(&["portrait", "compare", &photo(5), &photo(5), "--json"]);
    assert_eq!(same.code, 0, "{}", same.err);
    assert_eq!(answer(&same)["outcome"], "match");
    let others = folder.run(&["portrait", "compare", &photo(5), &photo(6), "--json"]);
    assert_eq!(others.code, 1);
    let others = answer(&others);
    assert_eq!(others["outcome"], "reject");
    assert!(others["distance"].as_f64().unwrap() > 0.55);
    let nobody =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/portrait/progressive.jpg");
    let nobody = nobody.to_str().unwrap();
    let officer = folder.run(&["portrait", "compare", &photo(5), nobody, "--json"]);
    assert_eq!(officer.code, 2);
    let officer = answer(&officer);
    assert_eq!(officer["reasons"], json!(["no-face-in-second"]));
    assert_eq!(officer["distance"], Value::Null);
    let text = folder.write("photo.jpg", "not a photo at all");
    let refused = folder.run(&["portrait", "compare", &text, &photo(5), "--json"]);
    assert_eq!(refused.code, 2);
    assert_eq!(answer(&refused)["reasons"], json!(["photo-not-an-image"]));
}

/// Photos of three people, two each, in a folder for each. **Synthetic**: cut from stills.
fn known_people(folder: &Folder) -> String {
    for (person, still) in ["one", "two", "three"].iter().zip(&STILLS) {
        let sitter = still.open(Path::new(&models())).unwrap();
        for variation in [0, 5] {
            let name = format!("people/{person}/{variation}.jpg");
            folder.write(&name, sitter.studio().photo(variation).unwrap());
        }
    }
    folder.write("people/one/notes.txt", "not a photo");
    folder.write("people/readme.txt", "not a person");
    folder.path("people")
}

#[test]
fn a_calibration_counts_pairs_and_its_record_is_signed() {
    let folder = folder();
    let people = known_people(&folder);
    let key = folder.path("calibration.key");
    let made = folder.run(&["portrait", "calibration-key", &key]);
    assert_eq!(
        (made.code, made.out.trim()),
        (0, format!("{key}.pub").as_str())
    );
    let again = folder.run(&["portrait", "calibration-key", &key]);
    assert_eq!(again.code, 2);
    let out = folder.path("calibration.json");
    let arguments = ["portrait", "calibrate", &people, "--fmr", "0", "--json"];
    let signed = [&arguments[..], &["--out", &out, "--key", &key]].concat();
    let run = folder.run(&signed);
    // Twelve pairs of two persons say next to nothing.
    assert_eq!(run.code, 1, "{}", run.err);
    let answer = answer(&run);
    assert_eq!(answer["lacks"], "calibration-too-few");
    assert_eq!(answer["automatic_issue"], false);
    let record = &answer["record"];
    let counted = ["persons", "photos", "unusable", "genuine", "impostor"];
    let counts = counted.map(|it| record[it].as_u64().unwrap());
    assert_eq!(counts, [3, 6, 1, 3, 12]);
    assert_eq!(
        (&record["false_matches"], &answer["fmr"]),
        (&json!(0), &json!(0.0))
    );
    let bound = answer["fmr_at_most"].as_f64().unwrap();
    assert!(
        (bound - 3.0 / 12.0).abs() < 0.001,
        "the rule of three: {bound}"
    );
    assert_eq!(record["models"].as_object().unwrap().len(), 11);
    assert_eq!(answer["curve"].as_array().unwrap().len(), 75);
    let written = jiazhao::calibration::signed(Path::new(&out), Path::new(&format!("{key}.pub")));
    assert_eq!(serde_json::to_value(written.unwrap()).unwrap(), *record);
    let refused = folder.run(&signed);
    assert_eq!(refused.code, 2, "a record is not written over");
    let told = folder.run(&arguments[..3]);
    assert_eq!(told.code, 1);
    for line in [
        "persons 3  photos 6  unusable 1",
        "0 of 12 pairs of two persons",
        "does not suffice",
    ] {
        assert!(told.out.contains(line), "{line}: {}", told.out);
    }
    assert!(!told.out.contains("people/one"), "nobody's name is printed");
}

#[test]
fn a_calibration_without_pairs_or_folder_could_not_run() {
    let folder = folder();
    folder.write("people/one/1.jpg", fs::read(photo(5)).unwrap());
    let refused = |path: &str| folder.run(&["portrait", "calibrate", path]);
    let alone = refused(&folder.path("people"));
    assert_eq!(alone.code, 2);
    assert!(alone.err.contains("calibration-no-pairs"), "{}", alone.err);
    let nowhere = refused(&folder.path("nowhere"));
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.err.contains("folder-unreadable"), "{}", nowhere.err);
    let share = folder.run(&[
        "portrait",
        "calibrate",
        &folder.path("people"),
        "--fmr",
        "1",
    ]);
    assert_eq!(share.code, 2);
    let unsigned = folder.run(&[
        "portrait",
        "calibrate",
        &folder.path("people"),
        "--out",
        "x",
    ]);
    assert_eq!(unsigned.code, 2, "a record without a key is none");
}

/// SC-03, SC-04, SC-06, SC-14 and SC-15 in the demonstration, where there are models.
#[test]
fn sc_03_the_walk_goes_on_with_drivers_who_apply_themselves() {
    let folder = folder();
    let run = folder.run(&["demo", "--walk", "--drivers", "200"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.last_line().starts_with("all 42 steps as expected in "));
    assert!(!run.out.contains("FAILED"));
}

#[test]
fn config_check_says_what_automatic_issue_rests_on() {
    let without = Folder::new();
    let run = without.run(&["config", "check"]);
    assert!(run.out.contains("# no face models"), "{}", run.out);
    assert!(run.out.contains("# automatic issue: off"), "{}", run.out);
    let folder = folder();
    let token = folder.write("token", "a-token-that-is-long-enough\n");
    let models = models();
    let settings = format!(
        "[models]\ndir = \"{models}\"\n[identity]\nurl = \"http://127.0.0.1:9/\"\ntoken_file = \"{token}\"\n"
    );
    folder.write("data/jiazhao.toml", settings);
    let run = folder.run(&["config", "check"]);
    assert!(!run.out.contains("# no face models"), "{}", run.out);
    let on = "# automatic issue: on, on the word of the identity service";
    assert!(run.out.contains(on), "{}", run.out);
    // A record that is none stops what rests on it.
    let (record, key) = (folder.write("record", "{}"), folder.write("key.pub", "00"));
    let settings = format!(
        "[models]\ndir = \"{models}\"\ncalibration = \"{record}\"\ncalibration_key = \"{key}\"\n"
    );
    folder.write("data/jiazhao.toml", settings);
    let run = folder.run(&["config", "check"]);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert!(!run.out.contains("# automatic issue: on"), "{}", run.out);
}

#[test]
fn config_check_says_by_which_person_checks_a_device_is_activated() {
    let folder = folder();
    let run = folder.run(&["config", "check"]);
    let off = "# activation by a person check: off";
    assert!(run.out.contains(off), "{}", run.out);
    let token = folder.write("token", "a-token-that-is-long-enough\n");
    let models = models();
    let settings = |method: &str| {
        format!(
            "[models]\ndir = \"{models}\"\n[identity]\nurl = \"http://127.0.0.1:9/\"\ntoken_file = \"{token}\"\n\
             [activation]\nperson_check = [\"{method}\"]\n"
        )
    };
    folder.write("data/jiazhao.toml", settings("identity-service"));
    let run = folder.run(&["config", "check"]);
    let on = "# activation by a person check: on, on the word of the identity service";
    assert!(run.out.contains(on), "{}", run.out);
    // Frames need a record: without one the file is no configuration.
    folder.write("data/jiazhao.toml", settings("frames"));
    let run = folder.run(&["config", "check"]);
    assert_ne!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.err.contains("activation.person_check"), "{}", run.err);
}
