//! `generate`: the files that come from code, written anew; `check` compares them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use crate::coverage;
use crate::sh::{self, Failure, say};
use crate::web;

/// Paths below the root and what they hold.
struct Generated(BTreeMap<String, String>);

pub(crate) fn run() -> Result<(), Failure> {
    Generated::produce()?.write()?;
    // The client comes from the document, which is new only now.
    Generated::client()?.write()
}

impl Generated {
    fn write(&self) -> Result<(), Failure> {
        for (path, content) in &self.0 {
            write(path, content)?;
        }
        Ok(())
    }
}

fn write(path: &str, content: &str) -> Result<(), Failure> {
    let file = sh::root().join(path);
    if fs::read_to_string(&file).is_ok_and(|old| old == content) {
        return say(&format!("{path}: unchanged"));
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, content)?;
    say(&format!("{path}: written"))
}

/// Fails for every file that differs from what the code would write.
pub(crate) fn check() -> Result<(), Failure> {
    let mut generated = Generated::produce()?;
    generated.0.extend(Generated::client()?.0);
    let stale = generated.0.iter().filter(|(path, content)| {
        let file = sh::root().join(path);
        !fs::read_to_string(file).is_ok_and(|present| present == **content)
    });
    let stale: Vec<String> = stale
        .map(|(path, _)| format!("{path} is not as generated: run `cargo xtask generate`"))
        .collect();
    Failure::unless_empty(&stale)
}

impl Generated {
    /// What the product's own generator prints, and the list of scenarios.
    fn produce() -> Result<Self, Failure> {
        let output = sh::stdout_of(
            sh::cargo()
                .args(["run", "--quiet", "--locked", "--package", "jiazhao"])
                .args(["--example", "generate"]),
        )?;
        let mut generated = Self::parse(&output)?;
        let document = coverage::document(&sh::root())?;
        generated.0.insert(coverage::PATH.to_owned(), document);
        Ok(generated)
    }

    /// The client's types, where node is here.
    fn client() -> Result<Self, Failure> {
        let types = web::client()?.map(|types| (web::CLIENT.to_owned(), types));
        Ok(Self(types.into_iter().collect()))
    }

    /// A JSON object from path to content; a path must stay below the root.
    fn parse(output: &[u8]) -> Result<Self, Failure> {
        let files: BTreeMap<String, String> = serde_json::from_slice(output)
            .map_err(|error| Failure::new(format!("the generator's output: {error}")))?;
        for path in files.keys() {
            let mut parts = Path::new(path).components();
            if path.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
                return Err(Failure::new(format!("the generator named {path:?}")));
            }
        }
        Ok(Self(files))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_parsed_by_path() {
        let files = Generated::parse(br#"{"docs/a.json": "{}\n"}"#).unwrap().0;
        assert_eq!(files.get("docs/a.json").map(String::as_str), Some("{}\n"));
    }

    #[test]
    fn paths_that_leave_the_root_are_refused() {
        for path in ["../a", "/etc/a", "docs/../../a", ""] {
            let output = format!("{{\"{path}\": \"x\"}}");
            assert!(Generated::parse(output.as_bytes()).is_err(), "{path}");
        }
        assert!(Generated::parse(b"[]").is_err());
    }
}
