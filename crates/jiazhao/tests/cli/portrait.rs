//! Photos judged and compared from the command line. The faces are those that
//! `cargo xtask setup --models` fetches.

use super::*;

fn models() -> String {
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
