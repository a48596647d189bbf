//! The face models, from the folder that the configuration names.

use std::{fs, num::NonZeroUsize, path::Path, sync::Arc, thread};

use authority::judge::Judge;
use portrait::{Models, Thresholds};

use crate::failure::Failure;

/// The file that tells whether models are there at all.
const FIRST: &str = "blazeface.json";

/// Whether there are models in the folder.
#[must_use]
pub fn are_in(folder: &Path) -> bool {
    folder.join(FIRST).is_file()
}

/// Who judges photos with the models of a folder; nobody where there are none.
///
/// # Errors
/// When there are models that cannot be used.
pub fn judge(folder: &Path) -> Result<Option<Arc<Judge>>, Failure> {
    if !are_in(folder) {
        return Ok(None);
    }
    let turns = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let judge = Judge::new(read(folder)?, Thresholds::START, turns);
    Ok(Some(Arc::new(judge)))
}

/// The models of a folder.
///
/// # Errors
/// When one is missing or is not what it should be.
pub fn read(folder: &Path) -> Result<Models, Failure> {
    Models::read(|name| fs::read(folder.join(name))).map_err(|error| {
        let about = format!("{}: {error}", folder.display());
        Failure::new(
            "models-unusable",
            "无法使用人脸模型：请运行 cargo xtask setup --models，或设置 models.dir",
            "The face models cannot be used: run `cargo xtask setup --models`, or set models.dir",
        )
        .about(about)
    })
}
