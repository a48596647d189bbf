//! Rules about Rust sources that no lint can state.

use crate::files::{self, Text};
use crate::sh::{self, Failure, say};

/// The crates that may hold `unsafe`, block by block.
const MAY_BE_UNSAFE: [&str; 2] = ["crates/sm2-verifier/", "crates/inference/"];

/// The modules of arithmetic that may expect the two lints below at their head.
const KERNELS: [&str; 9] = [
    "crates/inference/src/kernel/matrix.rs",
    "crates/inference/src/kernel/places.rs",
    "crates/inference/src/kernel/wide.rs",
    "crates/inference/src/raster.rs",
    "crates/sm2-verifier/src/field8.rs",
    "crates/sm2-verifier/src/modulus.rs",
    "crates/sm2-verifier/src/sm3.rs",
    "crates/sm2-verifier/src/sm3x16.rs",
    "crates/sm2-verifier/src/sm3x8.rs",
];
const KERNEL_LINTS: [&str; 2] = ["clippy::indexing_slicing", "clippy::as_conversions"];

/// A file that is longer wants to be two.
const LONG_FILE: usize = 600;

pub(crate) fn check() -> Result<(), Failure> {
    let root = sh::root();
    let mut sources = files::texts(&root, "crates", "rs")?;
    sources.extend(files::texts(&root, "xtask", "rs")?);
    let mut problems = Vec::new();
    for source in &sources {
        problems.extend(problems_of(source));
        let lines = source.text.lines().count();
        if lines > LONG_FILE {
            say(&format!("warning: {}: {lines} lines", source.path))?;
        }
    }
    Failure::unless_empty(&problems)
}

fn problems_of(source: &Text) -> Vec<String> {
    let mut problems = Vec::new();
    let path = &source.path;
    if is_crate_root(path) && !may_be_unsafe(path) && !forbids_unsafe(&source.text) {
        problems.push(format!(
            "{path}: does not open with #![forbid(unsafe_code)]"
        ));
    }
    if is_test_code(path) {
        return problems;
    }
    let product = without_tests(&source.text);
    if !KERNELS.contains(&path.as_str()) {
        let found = KERNEL_LINTS.iter().filter(|lint| expects(product, lint));
        problems.extend(found.map(|lint| format!("{path}: expects {lint}, but is no kernel")));
    }
    if path.starts_with("crates/jiazhao/src/") && takes_more_than_serve(product) {
        problems.push(format!("{path}: takes more of axum than axum::serve"));
    }
    problems
}

fn is_crate_root(path: &str) -> bool {
    path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs") || path.contains("/src/bin/")
}

fn may_be_unsafe(path: &str) -> bool {
    MAY_BE_UNSAFE.iter().any(|it| path.starts_with(it))
}

/// Whether the attribute stands before anything but comments and other such attributes.
fn forbids_unsafe(text: &str) -> bool {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .take_while(|line| line.starts_with("#!["))
        .any(|line| line == "#![forbid(unsafe_code)]")
}

fn is_test_code(path: &str) -> bool {
    let test_folder = path.split('/').any(|part| part == "tests");
    test_folder || path.ends_with("/tests.rs") || path.starts_with("crates/testkit/")
}

/// The text before the test module, which by custom ends a file.
fn without_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod ")
        .map_or(text, |(product, _)| product)
}

fn expects(text: &str, lint: &str) -> bool {
    let attributes = text.split("expect(").skip(1);
    attributes
        .filter_map(|rest| rest.split_once(']'))
        .any(|(attribute, _)| attribute.contains(lint))
}

fn takes_more_than_serve(text: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim().starts_with("//"));
    let mut uses = code.flat_map(|line| line.split("axum::").skip(1));
    uses.any(|rest| !rest.starts_with("serve"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        problems_of(&Text {
            path: path.to_owned(),
            text: text.to_owned(),
        })
    }

    #[test]
    fn a_crate_must_open_with_forbid() {
        let good = "//! Docs.\n\n#![forbid(unsafe_code)]\n\nmod a;\n";
        assert!(problems("crates/licence/src/lib.rs", good).is_empty());
        let late = "mod a;\n#![forbid(unsafe_code)]\n";
        assert_eq!(problems("crates/licence/src/lib.rs", late).len(), 1);
        assert_eq!(problems("xtask/src/main.rs", "fn main() {}\n").len(), 1);
        assert!(problems("crates/licence/src/class.rs", "").is_empty());
        assert!(problems("crates/inference/src/lib.rs", "mod a;\n").is_empty());
    }

    #[test]
    fn only_kernels_and_tests_may_expect_indexing() {
        let attribute = "#![expect(\n    clippy::indexing_slicing,\n    reason = \"x\"\n)]\n";
        assert_eq!(problems("crates/licence/src/class.rs", attribute).len(), 1);
        assert!(problems("crates/licence/tests/all.rs", attribute).is_empty());
        let in_tests = format!("fn a() {{}}\n\n#[cfg(test)]\nmod tests {{\n{attribute}}}\n");
        assert!(problems("crates/licence/src/class.rs", &in_tests).is_empty());
        let other = "#[expect(clippy::needless_pass_by_value, reason = \"x\")]\n";
        assert!(problems("crates/licence/src/class.rs", other).is_empty());
    }

    #[test]
    fn the_binary_takes_only_serve_of_axum() {
        let path = "crates/jiazhao/src/serve.rs";
        assert!(problems(path, "    axum::serve(listener, router).await\n").is_empty());
        assert_eq!(problems(path, "use axum::Router;\n").len(), 1);
    }
}
