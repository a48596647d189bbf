//! The face models, from the folder that the configuration names, and what was measured of them.

use std::{fs, num::NonZeroUsize, path::Path, sync::Arc, thread};

use authority::{Calibration, judge::Judge};
use aws_lc_rs::digest::{SHA256, digest};
use portrait::{Models, Thresholds};

use crate::{calibration, config::Config, failure::Failure, key_files};

/// The file that tells whether models are there at all.
const FIRST: &str = "blazeface.json";

/// Whether there are models in the folder.
#[must_use]
pub fn are_in(folder: &Path) -> bool {
    folder.join(FIRST).is_file()
}

/// Who judges photos with the configured models, nobody where there are none; and the calibration
/// record whose thresholds apply, where one is configured.
///
/// # Errors
/// When there are models that cannot be used, or a record that does not fit them, is not signed by
/// its key, or shows too little.
pub fn judge(config: &Config) -> Result<(Option<Arc<Judge>>, Option<Calibration>), Failure> {
    if !are_in(&config.models) {
        return Ok((None, None));
    }
    let models = read(&config.models)?;
    let (thresholds, calibration) = match &config.calibration {
        None => (Thresholds::START, None),
        Some(files) => {
            let checked = calibration::read(&files.record, &files.key, &models)?;
            let calibration = Calibration {
                sha256: sha256(&files.record)?,
            };
            (checked.thresholds(), Some(calibration))
        }
    };
    let turns = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let judge = Judge::new(models, thresholds, turns);
    Ok((Some(Arc::new(judge)), calibration))
}

fn sha256(file: &Path) -> Result<String, Failure> {
    let bytes = fs::read(file).map_err(|error| {
        Failure::new("file-unreadable", "无法读取文件", "The file cannot be read")
            .about(format!("{}: {error}", file.display()))
    })?;
    Ok(key_files::encoded_bytes(digest(&SHA256, &bytes).as_ref()).to_string())
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
