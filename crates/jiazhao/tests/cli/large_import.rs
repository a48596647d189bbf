//! `jiazhao registry import` at length (SC-60): 10,000 lines, of which one in a hundred is bad;
//! `JIAZHAO_IMPORT_RECORDS=1000000` asks for as many as the scenario has.

use std::{
    env,
    fmt::Write as _,
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Write as _},
    time::Instant,
};

use super::{Folder, TODAY, crash::on_postgresql};
use jiazhao::demo::people::population;
use serde_json::Value;

const RECORDS: u64 = 10_000;
/// One line of so many is bad.
const BAD: u64 = 100;

fn records() -> u64 {
    let asked = env::var_os("JIAZHAO_IMPORT_RECORDS");
    asked.map_or(RECORDS, |it| it.to_str().unwrap().parse().unwrap())
}

/// Writes the lines; bad ones are cut off in the middle of the record.
fn write(folder: &Folder, count: u64) -> String {
    let path = folder.path("records.ndjson");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    for (line, person) in (1..).zip(population(count, TODAY)) {
        let text = person.line();
        let kept = if line % BAD == 0 { 100 } else { usize::MAX };
        let text: String = text.trim_end().chars().take(kept).collect();
        writeln!(file, "{text}").unwrap();
    }
    file.flush().unwrap();
    path
}

/// The numbers of the lines that were rejected, each with its reason.
fn rejected(path: &str) -> Vec<u64> {
    let lines = BufReader::new(File::open(path).unwrap()).lines();
    let number = |line: std::io::Result<String>| {
        let told: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(told["reasons"][0]["code"], "not-json");
        told["line"].as_u64().unwrap()
    };
    lines.map(number).collect()
}

fn imported_twice(folder: &Folder, more: &[&str]) {
    let count = records();
    let file = write(folder, count);
    let rejects = folder.path("rejects.ndjson");
    let bad: Vec<u64> = (1..=count).filter(|line| line % BAD == 0).collect();
    let bad_lines = count / BAD;
    let good = count - bad_lines;
    let arguments = ["registry", "import", &file, "--rejects", &rejects];
    let arguments: Vec<&str> = arguments.into_iter().chain(more.iter().copied()).collect();
    let mut took = String::new();
    for told in [
        format!("imported {good}, unchanged 0, rejected {bad_lines}"),
        format!("imported 0, unchanged {good}, rejected {bad_lines}"),
    ] {
        let began = Instant::now();
        let run = folder.run(&arguments);
        write!(took, " {:.1} s", began.elapsed().as_secs_f64()).unwrap();
        assert_eq!(run.last_line(), told, "{}", run.err);
        assert_eq!(run.code, 1);
        assert_eq!(rejected(&rejects), bad);
    }
    writeln!(std::io::stderr().lock(), "{count} records:{took}").unwrap();
}

#[test]
fn sc_60_the_good_are_in_each_bad_one_is_named_and_a_second_run_changes_nothing_on_sqlite() {
    imported_twice(&Folder::new(), &[]);
}

#[test]
fn sc_60_the_good_are_in_each_bad_one_is_named_and_a_second_run_changes_nothing_on_postgresql() {
    let Some(server) = testkit::postgres::Server::shared() else {
        return;
    };
    let folder = Folder::new();
    let config = folder.write("a.toml", on_postgresql(&folder, &server.database()));
    imported_twice(&folder, &["--config", &config]);
}
