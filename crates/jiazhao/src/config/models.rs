//! `[models]`

use std::path::PathBuf;

use licence::Text;

use super::source::Source;

/// Where `cargo xtask setup --models` puts them, as seen from the repository's root.
const DEFAULT_MODELS: &str = "target/models";

/// The signed record of what the matchers were measured to do, and whose signature it bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalibrationFiles {
    /// The record that `jiazhao portrait calibrate` wrote.
    pub record: PathBuf,
    /// The public key of whoever signed it.
    pub key: PathBuf,
}

pub(super) const MODELS: &[&str] = &["dir", "calibration", "calibration_key"];

const TOGETHER: Text = Text {
    zh: "calibration 与 calibration_key 须同时设置",
    en: "calibration and calibration_key are set together",
};

pub(super) fn folder(source: &mut Source<'_>) -> PathBuf {
    const FOLDER: Text = Text {
        zh: "应为目录路径",
        en: "this must be the path of a folder",
    };
    let folder = source.text("models", "dir", |text| path(text, FOLDER));
    folder.unwrap_or_else(|| PathBuf::from(DEFAULT_MODELS))
}

pub(super) fn calibration(source: &mut Source<'_>) -> Option<CalibrationFiles> {
    const FILE: Text = Text {
        zh: "应为文件路径",
        en: "this must be the path of a file",
    };
    let mut file = |key| source.text("models", key, |text| path(text, FILE));
    let (record, key) = (file("calibration"), file("calibration_key"));
    match (record, key) {
        (Some(record), Some(key)) => Some(CalibrationFiles { record, key }),
        (None, None) => None,
        (Some(_), None) => {
            source.between("models", "calibration", TOGETHER);
            None
        }
        (None, Some(_)) => {
            source.between("models", "calibration_key", TOGETHER);
            None
        }
    }
}

fn path(text: &str, expected: Text) -> Result<PathBuf, Text> {
    if text.is_empty() {
        Err(expected)
    } else {
        Ok(PathBuf::from(text))
    }
}
