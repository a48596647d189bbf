//! Registry exports with column names of their own (`registry import --mapping`).

use encoding_rs::GB18030;

use super::*;

const HEADER: [&str; 18] = [
    "XH", "SFZMHM", "DABH", "XM", "XB", "GJ", "CSRQ", "DZ", "CCLZRQ", "ZJCX", "YXQS", "YXQZ",
    "FZJG", "FZJGMC", "ZT", "LJJF", "SYRQ", "SJHM",
];

/// A row of an export, and the record that it should become.
fn row(person: &Person) -> (String, Value) {
    let record = person.record();
    let text = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
    let date = |field: &str| text(field).replace('-', "");
    let list = |field: &str| -> String {
        let items = record[field].as_array().unwrap().iter();
        items.map(|item| item.as_str().unwrap()).collect()
    };
    let long_term = text("valid_until") == "long-term";
    let until = if long_term {
        "长期".to_owned()
    } else {
        date("valid_until")
    };
    let sex = if text("sex") == "male" { "1" } else { "2" };
    let cells = [
        "1".to_owned(),
        text("licence_number"),
        text("file_number"),
        text("name"),
        sex.to_owned(),
        text("nationality"),
        date("birth_date"),
        format!("\"{}\"", text("address")),
        date("first_issue_date"),
        list("classes"),
        date("valid_from"),
        until,
        record["issuing_authority"]["code"]
            .as_str()
            .unwrap()
            .to_owned(),
        record["issuing_authority"]["name"]
            .as_str()
            .unwrap()
            .to_owned(),
        list("status"),
        record["points"].as_i64().unwrap_or_default().to_string(),
        date("review_due"),
        record["contact"]["phone"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        "20240902120000".to_owned(),
    ];
    (cells.join(","), told(record))
}

/// The record without what an export of these columns cannot say.
fn told(mut record: Value) -> Value {
    let known = [
        "licence_number",
        "file_number",
        "name",
        "sex",
        "nationality",
        "birth_date",
        "address",
        "first_issue_date",
        "classes",
        "valid_from",
        "valid_until",
        "issuing_authority",
        "status",
        "points",
        "review_due",
        "contact",
    ];
    let object = record.as_object_mut().unwrap();
    object.retain(|key, value| known.contains(&key.as_str()) && !value.is_null());
    object.insert("version".to_owned(), json!(20_240_902_120_000_i64));
    if let Some(contact) = object.get_mut("contact").and_then(Value::as_object_mut) {
        contact.remove("verified_at");
    }
    record
}

fn export(rows: &[String]) -> Vec<u8> {
    let header = format!("{},GXSJ", HEADER.join(","));
    let text = std::iter::once(&header)
        .chain(rows)
        .cloned()
        .collect::<Vec<_>>();
    let text = format!("{}\r\n", text.join("\r\n"));
    GB18030.encode(&text).0.into_owned()
}

/// People whose class codes and letters are such as the standard has.
fn known_people(count: usize) -> Vec<Person> {
    let mut people = people(400);
    people.retain(|person| {
        let record = person.record();
        let plain = |field: &str, most: usize| {
            let items = record[field].as_array().unwrap().iter();
            items.clone().count() > 0
                && items.map(|item| item.as_str().unwrap()).all(|code| {
                    code.len() <= most && code.starts_with(|c: char| c.is_ascii_uppercase())
                })
        };
        plain("classes", 2) && plain("status", 1) && record["points"].is_number()
    });
    people.truncate(count);
    people
}

/// The mapped export and the same records as NDJSON are the same to the platform: what the one
/// brought, the other leaves unchanged.
#[test]
fn an_export_becomes_the_records_that_it_means() {
    let folder = Folder::new();
    let rows: Vec<(String, Value)> = known_people(120).iter().map(row).collect();
    let lines: Vec<String> = rows.iter().map(|(row, _)| row.clone()).collect();
    let file = folder.write("export.csv", export(&lines));
    let run = folder.run(&["registry", "import", &file, "--mapping", "gat"]);
    assert_eq!(
        run.last_line(),
        "imported 120, unchanged 0, rejected 0",
        "{}",
        run.err
    );
    assert_eq!(run.code, 0);
    let records: Vec<String> = rows.iter().map(|(_, record)| record.to_string()).collect();
    let records = records.join("\n");
    let records = folder.write("records.ndjson", records);
    let run = folder.run(&["registry", "import", &records]);
    assert_eq!(
        run.last_line(),
        "imported 0, unchanged 120, rejected 0",
        "{}",
        run.err
    );
}

/// Line, field and code of every reason in a rejects file.
fn reasons(rejects: &str) -> Vec<(u64, String, String)> {
    let mut found = Vec::new();
    for reject in json_lines(rejects) {
        for reason in reject["reasons"].as_array().unwrap() {
            let text = |key: &str| reason[key].as_str().unwrap().to_owned();
            found.push((
                reject["line"].as_u64().unwrap(),
                text("field"),
                text("code"),
            ));
        }
    }
    found
}

fn broken_export() -> Vec<u8> {
    let mut lines: Vec<String> = known_people(8).iter().map(|one| row(one).0).collect();
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut broken = cells(&lines[1]);
    broken[4] = String::from("3");
    broken[9] = String::from("a2");
    lines[1] = broken.join(",");
    lines[2].push_str(",more");
    // A cell of two lines is one row; the rows behind it keep their numbers.
    lines[3] = lines[3]
        .replace('"', "\"\"\"")
        .replacen("\"\"\"", "\"two\n", 1);
    lines[4] = lines[4].replacen('\"', "", 1);
    let mut wrong = cells(&lines[5]);
    wrong[1] = String::from("110199199001019913");
    lines[5] = wrong.join(",");
    let mut bytes = export(&lines);
    bytes.extend_from_slice(b"\xb2\n");
    bytes
}

#[test]
fn rows_that_cannot_be_read_are_named_by_line_column_and_reason() {
    let folder = Folder::new();
    let bytes = broken_export();
    let file = folder.write("export.csv", bytes);
    let rejects = folder.path("rejects.ndjson");
    let arguments = [
        "registry",
        "import",
        &file,
        "--mapping",
        "gat",
        "--rejects",
        &rejects,
    ];
    for dry_run in [true, false] {
        let mut arguments = arguments.to_vec();
        arguments.extend(dry_run.then_some("--dry-run"));
        let run = folder.run(&arguments);
        assert_eq!(run.code, 1, "{}", run.err);
        let named = fs::read_to_string(&rejects).unwrap();
        let found = reasons(&named);
        let expect = |line: u64, field: &str, code: &str| {
            let one = (line, field.to_owned(), code.to_owned());
            assert!(found.contains(&one), "{one:?} {found:?}");
        };
        expect(3, "classes (ZJCX)", "cell-classes");
        expect(3, "sex (XB)", "cell-sex");
        expect(4, "line", "row-cell-count");
        expect(5, "address", "form");
        // The quote that is missing costs its own row and no other.
        expect(7, "line", "row-unended");
        expect(8, "licence_number", "check-digit");
        expect(11, "line", "row-cell-count");
        assert_eq!(json_lines(&named).len(), 6);
        let imported = if dry_run { 0 } else { 3 };
        let last = format!("imported {imported}, unchanged 0, rejected 6");
        assert_eq!(run.last_line(), last);
        for personal in ["测试", "199001019913", "样例区"] {
            assert!(
                !named.contains(personal) && !run.err.contains(personal),
                "{personal}"
            );
        }
    }
}

#[test]
fn other_names_formats_and_tables_are_mapped() {
    let folder = Folder::new();
    let (_, record) = row(&known_people(1)[0]);
    let cell = |field: &str| record[field].clone();
    let object = json!({
        "no": cell("licence_number"), "who": cell("name"), "s": "M", "born": cell("birth_date"),
        "first": cell("first_issue_date"), "from": cell("valid_from"), "to": cell("valid_until"),
        "kind": "C1", "state": "A", "seq": 3, "plate": "京A", "extra": {"not": "read"},
    });
    let map = r#"
        format = "ndjson"
        [fields]
        licence_number = { column = "no" }
        name = { column = "who" }
        sex = { column = "s", table = { M = "male", F = "female" } }
        birth_date = { column = "born" }
        first_issue_date = { column = "first" }
        valid_from = { column = "from" }
        valid_until = { column = "to" }
        classes = { column = "kind", convert = "classes" }
        status = { column = "state", convert = "status-letters" }
        "issuing_authority.code" = { column = "plate", table = { "京A" = "1101" } }
        "issuing_authority.name" = { constant = "北京市公安局公安交通管理局（演示）" }
        version = { column = "seq", convert = "integer" }
    "#;
    let map = folder.write("map.toml", map);
    let other = object.to_string().replace("\"M\"", "\"X\"");
    let file = folder.write("export.ndjson", format!("{object}\n{other}\n"));
    let run = folder.run(&["registry", "import", &file, "--mapping", &map]);
    assert_eq!(
        run.last_line(),
        "imported 1, unchanged 0, rejected 1",
        "{}",
        run.err
    );
    assert!(run.err.contains("sex (s)") && run.err.contains("cell-not-in-table"));
}

#[test]
fn a_mapping_that_does_not_fit_could_not_run() {
    let folder = Folder::new();
    let rows: Vec<String> = known_people(1).iter().map(|one| row(one).0).collect();
    let text = String::from_utf8_lossy(&export(&rows)).into_owned();
    for (header, code) in [("ZJCX", "mapping-column"), ("XH", "mapping-column")] {
        let other = if header == "XH" { "ZJCX" } else { "ZJCX2" };
        let file = folder.write("export.csv", text.replacen(header, other, 1));
        let run = folder.run(&["registry", "import", &file, "--mapping", "gat"]);
        assert_eq!(run.code, 2);
        assert!(
            run.err.contains(code) && run.err.contains("ZJCX"),
            "{}",
            run.err
        );
    }
    let map = folder.write("map.toml", "format = \"csv\"\ncolumns = 1\n");
    let file = folder.write("export.csv", text);
    let run = folder.run(&["registry", "import", &file, "--mapping", &map]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("mapping-invalid") && run.err.contains("columns"),
        "{}",
        run.err
    );
    assert!(!Path::new(&folder.path("data/jiazhao.sqlite")).exists());
}
