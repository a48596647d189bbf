//! What came of an import: counts, oddities, and each rejected record.

use std::{collections::BTreeMap, fmt};

use authority::views::{DeliveryView, GapView, NoteCount, ReasonView, RejectView};
use licence::{FieldProblem, Note};
use portrait::PhotoError;
use serde::Serialize;

use super::mapping::Problem;

/// Lines named with each oddity.
const LINES_NAMED: usize = 10;

/// One rejected record, as it stands in the rejects file. It names fields, never their values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedRecord {
    /// Its line, from 1.
    pub line: u64,
    /// Every reason.
    pub reasons: Vec<RejectedField>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedField {
    /// The field.
    pub field: String,
    /// The stable code.
    pub code: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What came of a whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many were new or changed.
    pub imported: u64,
    /// How many were known already.
    pub unchanged: u64,
    /// How many were refused.
    pub rejected: u64,
    /// How many could be imported, where nothing was written.
    pub readable: u64,
    gaps: u64,
    first_gaps: Vec<GapView>,
    notes: BTreeMap<String, NoteCount>,
}

impl Summary {
    pub(super) fn add(&mut self, view: &DeliveryView) {
        self.imported = self.imported.saturating_add(view.imported);
        self.unchanged = self.unchanged.saturating_add(view.unchanged);
        self.rejected = self.rejected.saturating_add(view.rejected);
        let gaps = u64::try_from(view.gaps.len()).unwrap_or(u64::MAX);
        self.gaps = self.gaps.saturating_add(gaps);
        let room = LINES_NAMED.saturating_sub(self.first_gaps.len());
        self.first_gaps.extend(view.gaps.iter().take(room).cloned());
        for note in &view.notes {
            self.note(note);
        }
    }

    pub(super) fn readable(&mut self, line: u64, notes: &[Note]) {
        self.readable = self.readable.saturating_add(1);
        for note in notes {
            self.note(&NoteCount {
                code: note.code.to_owned(),
                zh: note.text.zh.to_string(),
                en: note.text.en.to_string(),
                count: 1,
                lines: vec![line],
            });
        }
    }

    fn note(&mut self, note: &NoteCount) {
        let known = self
            .notes
            .entry(note.code.clone())
            .or_insert_with(|| NoteCount {
                count: 0,
                lines: Vec::new(),
                ..note.clone()
            });
        known.count = known.count.saturating_add(note.count);
        let room = LINES_NAMED.saturating_sub(known.lines.len());
        known.lines.extend(note.lines.iter().take(room));
    }
}

/// Gaps and oddities, one a line; nothing where there are none.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in self.notes.values() {
            let NoteCount {
                code,
                zh,
                en,
                count,
                lines,
            } = note;
            let lines = named(lines.iter().copied());
            writeln!(f, "note {code} x {count}: {en} ({zh}); lines {lines}")?;
        }
        if self.gaps > 0 {
            let lines = named(self.first_gaps.iter().map(|gap| gap.line));
            let gaps = self.gaps;
            writeln!(
                f,
                "note version-gap x {gaps}: applied although versions before it are missing \
                 (已应用，但缺少之前的版本); lines {lines}"
            )?;
        }
        Ok(())
    }
}

impl From<&RejectView> for RejectedRecord {
    fn from(view: &RejectView) -> Self {
        Self {
            line: view.line,
            reasons: view.reasons.iter().map(RejectedField::from).collect(),
        }
    }
}

impl From<&ReasonView> for RejectedField {
    fn from(view: &ReasonView) -> Self {
        Self {
            field: view.field.clone().unwrap_or_else(|| "line".to_owned()),
            code: view.code.clone(),
            zh: view.zh.clone(),
            en: view.en.clone(),
        }
    }
}

impl From<&FieldProblem> for RejectedField {
    fn from(problem: &FieldProblem) -> Self {
        Self::new(
            &problem.field,
            problem.code,
            problem.text.zh,
            problem.text.en,
        )
    }
}

impl RejectedField {
    pub(super) fn photo(error: PhotoError) -> Self {
        Self::new("photo", error.code(), error.zh(), error.en())
    }

    /// A row that a mapping could not read, by its column.
    pub(super) fn mapped(place: &str, Problem { code, text }: Problem) -> Self {
        Self::new(place, code, text.zh, text.en)
    }

    pub(super) fn photo_unreadable() -> Self {
        Self::new(
            "photo",
            "photo-unreadable",
            "无法读取照片文件",
            "The photo file cannot be read",
        )
    }

    fn new(field: &str, code: &str, zh: &str, en: &str) -> Self {
        Self {
            field: field.to_owned(),
            code: code.to_owned(),
            zh: zh.to_owned(),
            en: en.to_owned(),
        }
    }
}

fn named(lines: impl Iterator<Item = u64>) -> String {
    let mut lines: Vec<u64> = lines.collect();
    lines.sort_unstable();
    let lines: Vec<String> = lines.iter().map(u64::to_string).collect();
    lines.join(", ")
}
