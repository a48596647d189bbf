//! `[review]`

use authority::SearchScope;
use licence::Text;

use super::Source;

/// What the operator turns on for reviewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    /// Whether faces of submitted photos are kept for a time and compared (重复人脸排查).
    pub duplicate_faces: bool,
    /// Among which of them is searched: those of the same office, device or source.
    pub duplicate_scope: SearchScope,
    /// For how many days they are kept.
    pub face_template_days: u32,
}

pub(super) const REVIEW: &[&str] = &["duplicate_faces", "duplicate_scope", "face_template_days"];

/// As far back as a search looks.
const DEFAULT_DAYS: u32 = 30;
/// A search looks no further back; what is kept for longer serves nothing.
const MOST_DAYS: u32 = 30;

const WITHOUT_CALIBRATION: Text = Text {
    zh: "重复人脸排查须先配置 models.calibration：无法说明误报数",
    en: "a search for duplicate faces needs models.calibration: without it nobody can say how often it is wrong",
};

const SCOPE: Text = Text {
    zh: "应为 office、device、source 中的至少一项，不得重复",
    en: "this must list one or more of office, device and source, each once",
};

pub(super) fn review(source: &mut Source<'_>, calibrated: bool) -> Review {
    let duplicate_faces = source.flag("review", "duplicate_faces").unwrap_or(false);
    let scope = source.list("review", "duplicate_scope", |names| scope(&names));
    let days = source.number("review", "face_template_days", (1, MOST_DAYS));
    if duplicate_faces && !calibrated {
        source.between("review", "duplicate_faces", WITHOUT_CALIBRATION);
    }
    Review {
        duplicate_faces,
        duplicate_scope: scope.unwrap_or(SearchScope::ALL),
        face_template_days: days.unwrap_or(DEFAULT_DAYS),
    }
}

fn scope(names: &[&str]) -> Result<SearchScope, Text> {
    let mut scope = SearchScope {
        office: false,
        device: false,
        source: false,
    };
    for name in names {
        let share = match *name {
            "office" => &mut scope.office,
            "device" => &mut scope.device,
            "source" => &mut scope.source,
            _ => return Err(SCOPE),
        };
        if std::mem::replace(share, true) {
            return Err(SCOPE);
        }
    }
    if names.is_empty() {
        Err(SCOPE)
    } else {
        Ok(scope)
    }
}

/// As it stands in the configuration.
pub(super) fn scope_names(scope: SearchScope) -> String {
    let names = [
        ("office", scope.office),
        ("device", scope.device),
        ("source", scope.source),
    ];
    let names = names.into_iter().filter(|(_, is_in)| *is_in);
    names.map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    #[test]
    fn the_scope_of_the_search_names_what_submissions_share() {
        let read = |line: &str| {
            let text = format!("[review]\n{line}\n");
            Config::parse(&text, None, Path::new("data")).map(|config| config.review)
        };
        assert_eq!(read("").unwrap().duplicate_scope, SearchScope::ALL);
        let narrow = read("duplicate_scope = [\"source\", \"office\"]").unwrap();
        assert_eq!(scope_names(narrow.duplicate_scope), "office source");
        for bad in ["[]", "[\"city\"]", "[\"office\", \"office\"]", "\"office\""] {
            assert!(read(&format!("duplicate_scope = {bad}")).is_err(), "{bad}");
        }
    }
}
