//! `jiazhao registry import` (SC-60 in small).

use super::*;

/// 300 drivers, every hundredth line bad, each in its own way.
fn file_with_bad_lines() -> String {
    let mut lines: Vec<String> = people(300).iter().map(Person::line).collect();
    let mut record = people(1)[0].record();
    record["licence_number"] = json!("110199199001019913");
    record["birth_date"] = json!("1990-02-30");
    lines[99] = format!("{record}\n");
    lines[199] = String::from("{\"name\": \"测试甲\"\n");
    let mut record = people(300)[299].record();
    record["surprise"] = json!(1);
    record["photo"] = json!("../../etc/passwd");
    lines[299] = format!("{record}\n");
    lines.concat()
}

#[test]
fn sc_60_good_lines_are_in_bad_ones_named_and_a_second_run_changes_nothing() {
    let folder = Folder::new();
    let file = folder.write("records.ndjson", file_with_bad_lines());
    let rejects = folder.write("rejects.ndjson", "left over\n");
    let arguments = ["registry", "import", &file, "--rejects", &rejects];

    let first = folder.run(&arguments);
    assert_eq!(
        first.last_line(),
        "imported 297, unchanged 0, rejected 3",
        "{}",
        first.err
    );
    assert_eq!(first.code, 1);
    let named = fs::read_to_string(&rejects).unwrap();
    let lines = json_lines(&named);
    let numbers: Vec<u64> = lines
        .iter()
        .map(|it| it["line"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [100, 200, 300]);
    let fields = |line: usize| -> Vec<(String, String)> {
        let reasons = lines[line]["reasons"].as_array().unwrap();
        let text = |reason: &Value, key: &str| reason[key].as_str().unwrap().to_owned();
        reasons
            .iter()
            .map(|reason| (text(reason, "field"), text(reason, "code")))
            .collect()
    };
    let pair = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    assert!(fields(0).contains(&pair("licence_number", "check-digit")));
    assert!(fields(0).contains(&pair("birth_date", "impossible-date")));
    assert_eq!(fields(1), [pair("line", "not-json")]);
    assert!(fields(2).contains(&pair("surprise", "unknown-field")));
    assert!(fields(2).contains(&pair("photo", "photo-path")));
    for personal in ["测试", "110199199001019913", "passwd", "left over"] {
        assert!(
            !named.contains(personal) && !first.err.contains(personal),
            "{personal}"
        );
    }

    let second = folder.run(&arguments);
    assert_eq!(second.last_line(), "imported 0, unchanged 297, rejected 3");
    assert_eq!(fs::read_to_string(&rejects).unwrap(), named);
}

#[test]
fn r30_oddities_are_imported_and_listed() {
    let folder = Folder::new();
    let text: String = people(3_000).iter().map(Person::line).collect();
    let file = folder.write("records.ndjson", text);
    let run = folder.run(&["registry", "import", &file]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.last_line(), "imported 3000, unchanged 0, rejected 0");
    for note in [
        "birth-date-contradiction",
        "sex-contradiction",
        "status-contradiction",
        "unknown-class",
        "unknown-status",
    ] {
        assert!(
            run.err.contains(&format!("note {note} x ")),
            "{note}: {}",
            run.err
        );
    }
}

#[test]
fn a_gap_of_versions_is_applied_and_told() {
    let folder = Folder::new();
    let person = people(1).remove(0);
    let first = folder.write("1.ndjson", person.line());
    let third = folder.write("3.ndjson", person.next().next().line());
    assert_eq!(folder.run(&["registry", "import", &first]).code, 0);
    let run = folder.run(&["registry", "import", &third]);
    assert_eq!(run.last_line(), "imported 1, unchanged 0, rejected 0");
    assert!(run.err.contains("note version-gap x 1"), "{}", run.err);
    let older = folder.run(&["registry", "import", &first]);
    assert_eq!(older.last_line(), "imported 0, unchanged 1, rejected 0");
}

#[test]
fn photos_beside_the_file_are_taken_and_nothing_else() {
    let folder = Folder::new();
    let jpeg = jiazhao::demo::portraits::Portraits::default();
    folder.write("in/photos/a.jpg", jpeg.jpeg(1).unwrap());
    folder.write("in/photos/b.jpg", "no photo");
    folder.write("secret.jpg", jpeg.jpeg(2).unwrap());
    let outside = folder.path("secret.jpg");
    let paths = [
        "photos/a.jpg",
        "photos/b.jpg",
        "photos/missing.jpg",
        &outside,
    ];
    let text: String = people(4)
        .iter()
        .zip(paths)
        .map(|(person, path)| person.clone().with_photo(path.to_owned()).line())
        .collect();
    let file = folder.write("in/records.ndjson", text);
    let rejects = folder.path("rejects.ndjson");
    for dry_run in [true, false] {
        let mut arguments = vec!["registry", "import", &file, "--rejects", &rejects];
        arguments.extend(dry_run.then_some("--dry-run"));
        let run = folder.run(&arguments);
        assert_eq!(run.code, 1, "{}", run.err);
        let imported = u8::from(!dry_run);
        let last = format!("imported {imported}, unchanged 0, rejected 3");
        assert_eq!(run.last_line(), last);
        let named = json_lines(&fs::read_to_string(&rejects).unwrap());
        let codes: Vec<&str> = named
            .iter()
            .map(|it| it["reasons"][0]["code"].as_str().unwrap())
            .collect();
        assert_eq!(
            codes,
            ["photo-not-an-image", "photo-unreadable", "photo-unreadable"]
        );
    }
}

#[test]
fn a_dry_run_reads_everything_and_writes_nothing() {
    let folder = Folder::new();
    let file = folder.write("records.ndjson", file_with_bad_lines());
    let run = folder.run(&["registry", "import", &file, "--dry-run"]);
    assert_eq!(run.code, 1);
    assert!(
        run.out
            .contains("dry run: 297 can be read, nothing was written")
    );
    assert_eq!(run.last_line(), "imported 0, unchanged 0, rejected 3");
    assert_eq!(
        run.err
            .lines()
            .filter(|line| line.starts_with("rejected {"))
            .count(),
        3
    );
    assert!(!Path::new(&folder.path("data")).exists());
}

#[test]
fn an_import_that_cannot_run_says_why() {
    let folder = Folder::new();
    let missing = folder.path("missing.ndjson");
    let run = folder.run(&["registry", "import", &missing]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("file-unreadable"), "{}", run.err);
    let file = folder.write("records.ndjson", people(1)[0].line());
    let run = folder.run(&["registry", "import", &file, "--rejects", &file]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("rejects-is-input"), "{}", run.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), people(1)[0].line());
}

/// Of 40 people, of whom all but the last are known: two changed, one with other content under the
/// same version, one with another's number, and one more who is new.
fn change_some(records: &mut Vec<Value>) {
    let next = |record: &mut Value| {
        record["version"] = json!(record["version"].as_i64().unwrap() + 1);
    };
    next(&mut records[0]);
    records[0]["points"] = json!(9);
    records[0]["address"] = json!("样例市样例区测试路1号");
    next(&mut records[1]);
    records[1]["status"] = json!(["G"]);
    records[1]["contact"] = json!({"phone": "13900000099", "verified_at": null});
    records[2]["points"] = json!(8);
    let number = records[3]["licence_number"].clone();
    records[39]["licence_number"] = number;
    let mut another = people(41)[40].record();
    another["version"] = json!(1);
    records.push(another);
}

/// SC-60: the dry run says what would change, and changes nothing.
#[test]
fn sc_60_a_dry_run_over_a_database_names_what_would_change() {
    let folder = Folder::new();
    let mut records: Vec<Value> = people(40).iter().map(Person::record).collect();
    let lines = |records: &[Value]| -> String {
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        lines.join("\n")
    };
    let first = folder.write("first.ndjson", lines(&records[..39]));
    assert_eq!(folder.run(&["registry", "import", &first]).code, 0);

    change_some(&mut records);
    let file = folder.write("second.ndjson", lines(&records));
    let diff = folder.write("diff.ndjson", "left over\n");
    let database = folder.path("data/jiazhao.sqlite");
    let before = fs::read(&database).unwrap();

    let run = folder.run(&["registry", "import", &file, "--dry-run", "--diff", &diff]);
    assert_eq!(
        run.last_line(),
        "imported 0, unchanged 36, rejected 2",
        "{}",
        run.err
    );
    assert_eq!(run.code, 1);
    let told = "dry run: new 1, changed 2, of them e-licences superseded 0, status changes 1, \
         activations by phone held 1; nothing was written";
    assert!(run.out.contains(told), "{}", run.out);
    assert_eq!(fs::read(&database).unwrap(), before);
    let text = fs::read_to_string(&diff).unwrap();
    let changed = json_lines(&text);
    assert_eq!(
        changed[0],
        json!({"line": 1, "fields": ["address", "points"], "follows": []})
    );
    assert_eq!(changed[1]["line"], 2);
    assert_eq!(changed[1]["fields"], json!(["contact", "status"]));
    let follows = changed[1]["follows"].as_array().unwrap();
    assert_eq!(follows[0]["code"], "status-changes");
    assert_eq!(follows[0]["to"], "invalid");
    assert_eq!(follows[1], json!({"code": "activation-by-phone-held"}));
    for code in ["same-version-other-content", "licence-number-taken"] {
        assert!(run.err.contains(code), "{}", run.err);
    }
    for personal in ["测试路", "13900000099", "left over"] {
        assert!(
            !text.contains(personal) && !run.err.contains(personal),
            "{personal}"
        );
    }
    // What it said is what comes.
    let run = folder.run(&["registry", "import", &file]);
    assert_eq!(run.last_line(), "imported 3, unchanged 36, rejected 2");
    let run = folder.run(&["registry", "import", &file, "--diff", &diff]);
    assert_eq!(run.code, 2, "a diff without a dry run is none");
}
