//! Which changes of the record need a new application (R88-R90).

use std::collections::BTreeSet;

use crate::reason::{self, Cause, Reason};
use crate::record::Record;

/// Why the e-licence of the old record is superseded by the new one.
///
/// Only a replacement licence, that is a higher `document_edition`, supersedes. No reason means
/// that the change is displayed at once and nothing else happens (R10).
#[must_use]
pub fn supersedes(old: &Record, new: &Record) -> Vec<Reason> {
    if new.document_edition <= old.document_edition {
        return Vec::new();
    }
    RULES
        .iter()
        .filter(|rule| (rule.applies)(old, new))
        .map(|rule| rule.cause.reason())
        .collect()
}

struct Rule {
    applies: fn(&Record, &Record) -> bool,
    cause: Cause,
}

/// The list is open-ended (等情形): a further rule is a further row.
const RULES: [Rule; 3] = [
    Rule {
        applies: classes_changed,
        cause: reason::CLASSES_CHANGED,
    },
    Rule {
        applies: validity_changed,
        cause: reason::VALIDITY_CHANGED,
    },
    Rule {
        applies: authority_changed,
        cause: reason::AUTHORITY_CHANGED,
    },
];

fn classes_changed(old: &Record, new: &Record) -> bool {
    // The order in which the registry writes the classes means nothing.
    let old: BTreeSet<_> = old.classes.iter().collect();
    let new: BTreeSet<_> = new.classes.iter().collect();
    old != new
}

fn validity_changed(old: &Record, new: &Record) -> bool {
    (old.valid_from, old.valid_until) != (new.valid_from, new.valid_until)
}

fn authority_changed(old: &Record, new: &Record) -> bool {
    old.issuing_authority.code != new.issuing_authority.code
}
