//! The face models; docs/models.md says what each is.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use aws_lc_rs::digest::{SHA256, digest};
use inference::{Model, ModelError};

use crate::recognise;

/// All models, checked and ready. They are not changed by use and may be shared by threads.
pub struct Models {
    pub(crate) detector: Model,
    pub(crate) mesh: Model,
    pub(crate) iris: Model,
    pub(crate) segmentation: Model,
    pub(crate) recogniser: Model,
    pub(crate) descriptor: Model,
    digests: BTreeMap<String, String>,
}

/// Why the models cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// A file cannot be read.
    #[error("face model {name}: {source}")]
    Missing {
        /// Its name.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be, or did not give what it should.
    #[error("face model {name}: {source}")]
    Refused {
        /// Its name.
        name: &'static str,
        /// Why.
        source: ModelError,
    },
}

pub(crate) const LOGITS: [&str; 2] = ["Identity:0", "Identity_1:0"];
pub(crate) const BOXES: [&str; 2] = ["Identity_2:0", "Identity_3:0"];
pub(crate) const POINTS: &str = "output_mesh";
pub(crate) const PRESENCE: &str = "output_faceflag";
pub(crate) const EYE: &str = "Identity:0";
pub(crate) const MASK: &str = "mask";
pub(crate) const POOLED: &str = "global_pooling/Mean";

impl Models {
    /// Reads them; `file` gives the bytes of a file of the models' folder by its name.
    ///
    /// # Errors
    /// [`ModelsError`]
    pub fn read(mut file: impl FnMut(&str) -> io::Result<Vec<u8>>) -> Result<Self, ModelsError> {
        let mut digests = BTreeMap::new();
        let mut bytes = |name: String| match file(&name) {
            Ok(bytes) => {
                digests.insert(name, hex::encode(digest(&SHA256, &bytes)));
                Ok(bytes)
            }
            Err(source) => Err(ModelsError::Missing { name, source }),
        };
        let mut graph = |name: &'static str, outputs: &[&str]| {
            let json = bytes(format!("{name}.json"))?;
            let weights = bytes(format!("{name}.bin"))?;
            inference::tfjs::read(&json, &weights, outputs)
                .map_err(|source| ModelsError::Refused { name, source })
        };
        let detector = graph("blazeface", &[LOGITS.as_slice(), &BOXES].concat())?;
        let mesh = graph("facemesh", &[POINTS, PRESENCE])?;
        let iris = graph("iris", &[EYE])?;
        let descriptor = graph("faceres", &[POOLED])?;
        let (json, weights) = (
            bytes("recogniser.json".into())?,
            bytes("recogniser.bin".into())?,
        );
        let recogniser =
            recognise::network(&json, &weights).map_err(|source| ModelsError::Refused {
                name: "recogniser",
                source,
            })?;
        let segmentation = inference::tflite::read(&bytes("segmentation.tflite".into())?, MASK)
            .map_err(|source| ModelsError::Refused {
                name: "segmentation",
                source,
            })?;
        Ok(Self {
            detector,
            mesh,
            iris,
            segmentation,
            recogniser,
            descriptor,
            digests,
        })
    }

    /// SHA-256 of each file, by name: what a calibration holds for.
    #[must_use]
    pub fn digests(&self) -> &BTreeMap<String, String> {
        &self.digests
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models").finish_non_exhaustive()
    }
}

/// Pixels as a model's input.
pub(crate) fn input(pixels: &[[f32; 3]], scale: f32, shift: f32) -> Vec<f32> {
    let channels = pixels.iter().flatten();
    channels.map(|it| it * scale + shift).collect()
}

/// A model that was read has the outputs that were asked for when it was read.
pub(crate) fn run<const N: usize>(
    model: &Model,
    input: Vec<f32>,
    outputs: [&str; N],
) -> Result<[Vec<f32>; N], ModelError> {
    let mut results = model.run(input)?;
    let mut taken = [const { Vec::new() }; N];
    for (taken, name) in taken.iter_mut().zip(outputs) {
        *taken = results.take(name)?;
    }
    Ok(taken)
}
