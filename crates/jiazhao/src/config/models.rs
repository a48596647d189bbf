//! `[models]`

use std::path::PathBuf;

use licence::Text;

use super::source::Source;

/// Where `cargo xtask setup --models` puts them, as seen from the repository's root.
const DEFAULT_MODELS: &str = "target/models";

pub(super) fn folder(source: &mut Source<'_>) -> PathBuf {
    const FOLDER: Text = Text {
        zh: "应为目录路径",
        en: "this must be the path of a folder",
    };
    let folder = source.text("models", "dir", |text| {
        (!text.is_empty())
            .then(|| PathBuf::from(text))
            .ok_or(FOLDER)
    });
    folder.unwrap_or_else(|| PathBuf::from(DEFAULT_MODELS))
}
