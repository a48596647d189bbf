//! Runs the graph of a small convolutional network on one core, from weights that are read
//! strictly. It knows nothing of what the network is for.
//!
//! - [`Builder`] takes operators one by one and refuses what does not fit together. Every shape
//!   is known before the first run, so that a run cannot fail in its middle, and what a run will
//!   take in memory and work is bounded when the model is read.
//! - [`tfjs`] reads TensorFlow.js graph models, [`tflite`] reads TensorFlow Lite files.
//! - [`Model`] runs: one input, batch of one, rows x columns x channels of `f32`.
//! - [`Raster`] is a picture from which inputs are cut by an affine map.

pub mod form;
pub mod graph;
mod kernel;
pub mod model;
pub mod raster;
pub mod tfjs;
pub mod tflite;
mod weights;

pub use form::{Filter, Geometry, ModelError, Padding, Shape};
pub use graph::{Builder, Value};
pub use model::{Model, Outputs};
pub use raster::{Affine, Raster};
pub use weights::{WeightEntry, Weights};
