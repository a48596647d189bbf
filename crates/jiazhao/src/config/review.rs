//! `[review]`

use licence::Text;

use super::Source;

/// What the operator turns on for reviewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    /// Whether faces of submitted photos are kept for a time and compared (重复人脸排查).
    pub duplicate_faces: bool,
    /// For how many days they are kept.
    pub face_template_days: u32,
}

pub(super) const REVIEW: &[&str] = &["duplicate_faces", "face_template_days"];

/// As far back as a search looks.
const DEFAULT_DAYS: u32 = 30;
/// A search looks no further back; what is kept for longer serves nothing.
const MOST_DAYS: u32 = 30;

const WITHOUT_CALIBRATION: Text = Text {
    zh: "重复人脸排查须先配置 models.calibration：无法说明误报数",
    en: "a search for duplicate faces needs models.calibration: without it nobody can say how often it is wrong",
};

pub(super) fn review(source: &mut Source<'_>, calibrated: bool) -> Review {
    let duplicate_faces = source.flag("review", "duplicate_faces").unwrap_or(false);
    let days = source.number("review", "face_template_days", (1, MOST_DAYS));
    if duplicate_faces && !calibrated {
        source.between("review", "duplicate_faces", WITHOUT_CALIBRATION);
    }
    Review {
        duplicate_faces,
        face_template_days: days.unwrap_or(DEFAULT_DAYS),
    }
}
