//! No tracked file holds what a merge leaves where two changes meet.

use std::fs;
use std::process::Command;

use crate::sh::{self, Failure, say};

/// How the lines around such a place begin; what stands between the halves also underlines titles.
const MARKS: [&str; 3] = ["<<<<<<< ", "||||||| ", ">>>>>>> "];

pub(crate) fn check() -> Result<(), Failure> {
    let root = sh::root();
    if !root.join(".git").exists() {
        return say("not a clone: what is tracked is not known");
    }
    let mut command = Command::new("git");
    let listed = sh::stdout_of(command.current_dir(&root).args(["ls-files", "-z"]))?;
    let listed = String::from_utf8_lossy(&listed);
    let mut problems = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        // A file that was removed and not yet committed so holds nothing.
        let Ok(bytes) = fs::read(root.join(path)) else {
            continue;
        };
        let line = marked(&bytes);
        problems.extend(line.map(|line| format!("{path}:{line}: the mark of a merge")));
    }
    Failure::unless_empty(&problems)
}

/// The first line that is such a mark, from 1.
fn marked(bytes: &[u8]) -> Option<usize> {
    let is_mark = |line: &[u8]| MARKS.iter().any(|mark| line.starts_with(mark.as_bytes()));
    let mut lines = bytes.split(|byte| *byte == b'\n');
    lines.position(is_mark).map(|before| before + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_at_the_beginning_of_a_line_only() {
        assert_eq!(marked(b"a\n=======\nb"), None);
        assert_eq!(marked(b"a <<<<<<< b\n"), None);
        assert_eq!(marked(b"<<<<<<<\n"), None);
        for mark in MARKS {
            let text = format!("one\ntwo\n{mark}theirs\n");
            assert_eq!(marked(text.as_bytes()), Some(3), "{mark}");
        }
        assert_eq!(marked(b"\xff\n>>>>>>> x"), Some(2));
    }
}
