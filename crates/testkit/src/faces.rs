//! The face models and the photos that `cargo xtask setup --models` fetches. No face is part of the
//! tree.

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, LazyLock},
    thread,
};

use authority::judge::Judge;
use portrait::{Models, Thresholds};

/// Where they lie.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/models")
}

/// Who judges photos in tests; the models are loaded once in a process.
///
/// # Panics
/// Where the models are missing.
#[must_use]
pub fn judge() -> Arc<Judge> {
    static JUDGE: LazyLock<Arc<Judge>> = LazyLock::new(|| {
        let models = Models::read(|name| std::fs::read(folder().join(name)))
            .expect("the face models: run `cargo xtask setup --models`");
        let turns = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Arc::new(Judge::new(models, Thresholds::START, turns))
    });
    Arc::clone(&JUDGE)
}
