//! The documents: links lead somewhere, the two commands stand in the README.

use std::path::Path;

use crate::files::{self, Text};
use crate::sh::{self, Failure};

const READMES: [&str; 2] = ["README.md", "README.zh-CN.md"];
const COMMANDS: [&str; 2] = ["cargo xtask demo", "cargo xtask test"];

pub(crate) fn check() -> Result<(), Failure> {
    let root = sh::root();
    let documents = files::texts(&root, "", "md")?;
    let mut problems = Vec::new();
    for document in &documents {
        problems.extend(dead_links(document, &|path| root.join(path).exists()));
    }
    for readme in READMES {
        let text = documents.iter().find(|it| it.path == readme);
        problems.extend(missing_commands(readme, text.map(|it| it.text.as_str())));
    }
    Failure::unless_empty(&problems)
}

fn missing_commands(readme: &str, text: Option<&str>) -> Vec<String> {
    let Some(text) = text else {
        return vec![format!("{readme} is missing")];
    };
    let missing = COMMANDS.iter().filter(|command| !text.contains(*command));
    missing
        .map(|command| format!("{readme} does not show `{command}`"))
        .collect()
}

fn dead_links(document: &Text, exists: &dyn Fn(&Path) -> bool) -> Vec<String> {
    let folder = Path::new(&document.path)
        .parent()
        .unwrap_or_else(|| Path::new(""));
    let dead = links(&document.text).into_iter().filter(|(_, target)| {
        let path = target.split('#').next().unwrap_or_default();
        // `scheme:...` leads outside, `#...` stays within the document.
        !path.is_empty() && !path.contains(':') && !exists(&folder.join(path))
    });
    dead.map(|(line, target)| format!("{}:{line}: no such file: {target}", document.path))
        .collect()
}

/// The targets of `[text](target)`, with their lines, outside of code.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every other part between backquotes is code.
        for part in line.split('`').step_by(2) {
            for rest in part.split("](").skip(1) {
                let target = rest.split([')', ' ']).next().unwrap_or_default();
                found.push((index + 1, target));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_relative_links_are_named_with_their_line() {
        let document = Text {
            path: "docs/a.md".to_owned(),
            text: "[x](b.md#part) [y](../README.md)\n[z](gone.md)\n[w](https://x.example/gone)\n[v](#here)\n".to_owned(),
        };
        let exists =
            |path: &Path| path == Path::new("docs/b.md") || path == Path::new("docs/../README.md");
        let expected = ["docs/a.md:2: no such file: gone.md"];
        assert_eq!(dead_links(&document, &exists), expected);
    }

    #[test]
    fn code_holds_no_links() {
        let text = "`[a](b)` [c](d)\n```\n[e](f)\n```\n[g](h \"title\")\n";
        assert_eq!(links(text), [(1, "d"), (5, "h")]);
    }

    #[test]
    fn a_readme_shows_both_commands() {
        let text = "cargo xtask demo\n";
        let missing = missing_commands("README.md", Some(text));
        assert_eq!(missing, ["README.md does not show `cargo xtask test`"]);
        assert_eq!(missing_commands("README.md", None).len(), 1);
    }
}
