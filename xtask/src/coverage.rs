//! docs/scenarios.md: which tests stand for which scenario and which rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::files::{self, Text};
use crate::sh::Failure;

/// Where the list is written.
pub(crate) const PATH: &str = "docs/scenarios.md";

const SCENARIOS: &str = include_str!("../scenarios.txt");

/// The highest rule number of the requirements; a higher one is a slip or no rule.
const LAST_RULE: u16 = 92;

const HEAD: &str = "\
# Scenarios and their tests

Written by `cargo xtask generate` from the tests: a test stands for the scenarios
(`SC-02`, `sc_02_`) and rules (`R27`, `r27_`) that its name or doc comment gives.
";

/// A test, and the numbers that it carries.
#[derive(Debug, PartialEq, Eq)]
struct Test {
    place: String,
    scenarios: BTreeSet<u16>,
    rules: BTreeSet<u16>,
}

/// The document, from the sources below the root.
pub(crate) fn document(root: &Path) -> Result<String, Failure> {
    let sources = files::texts(root, "crates", "rs")?;
    let web = files::texts(root, "web", "ts")?;
    let of_web = web.iter().filter(|it| it.path.ends_with(".test.ts"));
    let tests: Vec<Test> = sources
        .iter()
        .flat_map(tests_in)
        .chain(of_web.flat_map(tests_of_web))
        .collect();
    render(SCENARIOS, &tests)
}

/// The tests in a file that carry a number. A function counts if it is marked
/// as a test, or if it stands in a file of tests (a conformance suite's
/// functions are called by marked ones for each store).
fn tests_in(source: &Text) -> Vec<Test> {
    let file_of_tests = is_file_of_tests(&source.path);
    let mut tests = Vec::new();
    let mut docs = String::new();
    let mut marked = false;
    let mut within_attribute = false;
    for line in source.text.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            docs.push_str(doc);
            docs.push('\n');
        } else if within_attribute || line.starts_with("#[") {
            marked |= is_test_attribute(line);
            within_attribute = !line.ends_with(']');
        } else {
            let carries = marked || file_of_tests;
            if carries && let Some(name) = function_name(line) {
                tests.extend(Test::new(&source.path, name, &docs));
            }
            docs.clear();
            marked = false;
        }
    }
    tests
}

/// The tests of the web that carry a number in their names: `it("sc_09 r15 ...`.
fn tests_of_web(source: &Text) -> impl Iterator<Item = Test> + '_ {
    let names = source.text.lines().filter_map(|line| {
        let (_, rest) = line.split_once("(\"sc_")?;
        Some(rest.split(['"', ':']).next().unwrap_or_default())
    });
    names.filter_map(|name| {
        let words = format!("sc_{name}")
            .replace(" %s", "")
            .replace([' ', ','], "_");
        Test::new(&source.path, words.trim_matches('_'), "")
    })
}

impl Test {
    fn new(path: &str, name: &str, docs: &str) -> Option<Self> {
        let mut scenarios = numbers_in_text(docs, "SC-");
        let mut rules = numbers_in_text(docs, "R");
        let mut parts = name.split('_').peekable();
        while let Some(part) = parts.next() {
            if part == "sc" {
                scenarios.extend(parts.peek().and_then(|next| number(next)));
            }
            scenarios.extend(part.strip_prefix("sc").and_then(number));
            rules.extend(part.strip_prefix('r').and_then(number));
        }
        rules.retain(|rule| (1..=LAST_RULE).contains(rule));
        let place = format!("`{path}` {name}");
        (!scenarios.is_empty() || !rules.is_empty()).then_some(Self {
            place,
            scenarios,
            rules,
        })
    }
}

fn is_file_of_tests(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.any(|part| {
        matches!(
            part,
            "tests" | "conformance" | "conformance.rs" | "tests.rs"
        )
    })
}

/// `#[test]`, `#[tokio::test]`, `#[tokio::test(...)]`, but not `#[cfg(test)]`.
fn is_test_attribute(line: &str) -> bool {
    let path = line.trim_start_matches("#[");
    let path = path.split(['(', ']']).next().unwrap_or_default();
    path == "test" || path.ends_with("::test")
}

fn function_name(line: &str) -> Option<&str> {
    let words = ["pub(crate) ", "pub(super) ", "pub ", "async "];
    let mut rest = line;
    for word in words {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// The numbers that follow a mark in prose, ranges such as `R24-R30` in full.
fn numbers_in_text(text: &str, mark: &str) -> BTreeSet<u16> {
    let mut found = BTreeSet::new();
    let words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '-');
    for word in words {
        let Some(rest) = word.strip_prefix(mark) else {
            continue;
        };
        let (first, last) = match rest.split_once('-') {
            Some((first, last)) => (first, last.strip_prefix(mark).unwrap_or(last)),
            None => (rest, rest),
        };
        if let (Some(first), Some(last)) = (number(first), number(last)) {
            found.extend(first..=last);
        }
    }
    found
}

/// One to three digits.
fn number(digits: &str) -> Option<u16> {
    let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

fn render(scenarios: &str, tests: &[Test]) -> Result<String, Failure> {
    let mut known = BTreeSet::new();
    let mut out =
        format!("{HEAD}\n| Scenario | Rules | What it is about | Tests |\n|---|---|---|---|\n");
    for line in scenarios.lines().filter(|line| !line.starts_with('#')) {
        let row = scenario_row(line, tests, &mut known)
            .ok_or_else(|| Failure::new(format!("scenarios.txt: not a scenario: {line}")))?;
        out.push_str(&row);
    }
    if let Some(stranger) = tests.iter().find(|it| !it.scenarios.is_subset(&known)) {
        let place = &stranger.place;
        return Err(Failure::new(format!("{place} names an unknown scenario")));
    }
    out.push_str("\n## Rules\n\n| Rule | Tests |\n|---|---|\n");
    let mut rules: BTreeMap<u16, Vec<&Test>> = BTreeMap::new();
    for test in tests {
        for rule in &test.rules {
            rules.entry(*rule).or_default().push(test);
        }
    }
    for (rule, tests) in rules {
        writeln!(out, "| R{rule} | {} |", places(&tests))
            .map_err(|error| Failure::new(error.to_string()))?;
    }
    Ok(out)
}

/// The row for `SC-nn | rules | about | later`, whose number becomes known.
fn scenario_row(line: &str, tests: &[Test], known: &mut BTreeSet<u16>) -> Option<String> {
    let mut cells = line.split('|').map(str::trim);
    let (name, rules, about) = (cells.next()?, cells.next()?, cells.next()?);
    let later = cells.next();
    let scenario = number(name.strip_prefix("SC-")?)?;
    known.insert(scenario);
    let tests: Vec<&Test> = tests
        .iter()
        .filter(|it| it.scenarios.contains(&scenario))
        .collect();
    let places = if !tests.is_empty() {
        places(&tests)
    } else if later.is_some() {
        "later".to_owned()
    } else {
        "none yet".to_owned()
    };
    Some(format!("| {name} | {rules} | {about} | {places} |\n"))
}

fn places(tests: &[&Test]) -> String {
    let places: Vec<&str> = tests.iter().map(|it| it.place.as_str()).collect();
    places.join("<br>")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
/// About R5, which is no test.
fn helper() {}

#[cfg(test)]
mod tests {
    #[test]
    fn r27_medical_overdue_blocks() {}

    /// SC-02: every reason of R24-R26.
    #[tokio::test(
        flavor = "multi_thread"
    )]
    async fn all_reasons() {}

    #[test]
    fn sc_43_and_sc44_of_secp256r1_r400() {}

    #[test]
    fn carries_no_number() {}
}
"#;

    fn text(path: &str, text: &str) -> Text {
        Text {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn test(place: &str, scenarios: &[u16], rules: &[u16]) -> Test {
        Test {
            place: place.to_owned(),
            scenarios: scenarios.iter().copied().collect(),
            rules: rules.iter().copied().collect(),
        }
    }

    #[test]
    fn numbers_come_from_names_and_doc_comments_of_tests_only() {
        let expected = [
            test("`a.rs` r27_medical_overdue_blocks", &[], &[27]),
            test("`a.rs` all_reasons", &[2], &[24, 25, 26]),
            test("`a.rs` sc_43_and_sc44_of_secp256r1_r400", &[43, 44], &[]),
        ];
        assert_eq!(tests_in(&text("a.rs", SOURCE)), expected);
    }

    #[test]
    fn functions_of_a_conformance_suite_count() {
        let source = "pub async fn sc_31_same_officer_is_refused<S>(store: &S) {}\n";
        let path = "crates/storage/src/conformance/review.rs";
        assert_eq!(tests_in(&text(path, source)).len(), 1);
        assert!(tests_in(&text("crates/storage/src/review.rs", source)).is_empty());
    }

    #[test]
    fn the_document_names_tests_gaps_and_what_comes_later() {
        let scenarios = "# head\nSC-02 | R24 | one\nSC-03 | | two\nSC-21 | | three | later\n";
        let tests = [test("`a.rs` x", &[2], &[24])];
        let document = render(scenarios, &tests).unwrap();
        assert!(document.contains("| SC-02 | R24 | one | `a.rs` x |\n"));
        assert!(document.contains("| SC-03 |  | two | none yet |\n"));
        assert!(document.contains("| SC-21 |  | three | later |\n"));
        assert!(document.ends_with("| R24 | `a.rs` x |\n"));
    }

    #[test]
    fn a_test_of_an_unknown_scenario_is_an_error() {
        assert!(render("SC-02 | | one\n", &[test("`a.rs` x", &[99], &[])]).is_err());
        assert!(render("02 | one\n", &[]).is_err());
    }

    #[test]
    fn the_list_of_scenarios_is_well_formed() {
        let document = render(SCENARIOS, &[]).unwrap();
        assert_eq!(document.matches("\n| SC-").count(), 46);
    }
}
