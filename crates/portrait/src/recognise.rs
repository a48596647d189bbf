//! Two recognisers that know nothing of each other: the residual network of 29 layers that dlib
//! published, and the descriptor of `faceres`.

use inference::{
    Affine, Builder, Filter, Geometry, Model, ModelError, Padding, Raster, Shape, Value, Weights,
};

use crate::geometry::{Cut, Point};
use crate::mesh::{Mesh, at};
use crate::models::{Models, POOLED, input, run};

pub(crate) const DESCRIPTOR: &str = "descriptor";

/// What two recognisers make of a face. It is personal data of a special kind: it is not kept.
#[derive(Clone)]
pub struct Likeness {
    first: Vec<f32>,
    second: Vec<f32>,
}

/// The first byte of a likeness that is kept.
const FORM: u8 = 1;

impl std::fmt::Debug for Likeness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Likeness").finish_non_exhaustive()
    }
}

impl Likeness {
    pub(crate) fn of(raster: &Raster, models: &Models, mesh: &Mesh) -> Result<Self, ModelError> {
        Ok(Self {
            first: first(raster, &models.recogniser, mesh)?,
            second: second(raster, &models.descriptor, mesh)?,
        })
    }

    /// Its bytes, for whoever must keep it for a time; see [`Self::from_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.first.len()).unwrap_or(u32::MAX);
        let values = self.first.iter().chain(&self.second);
        let mut bytes = vec![FORM];
        bytes.extend(length.to_le_bytes());
        bytes.extend(values.flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// From bytes that [`Self::to_bytes`] made; none where they are others.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (form, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (values, left) = rest.as_chunks();
        let values: Vec<f32> = values.iter().map(|it| f32::from_le_bytes(*it)).collect();
        let (first, second) = values.split_at_checked(length)?;
        let whole = *form == FORM && left.is_empty() && !first.is_empty() && !second.is_empty();
        (whole && values.iter().all(|value| value.is_finite())).then(|| Self {
            first: first.to_vec(),
            second: second.to_vec(),
        })
    }

    /// Euclidean distance of the first recogniser's descriptors: 0 for the same photo.
    pub(crate) fn distance(&self, other: &Self) -> f32 {
        let pairs = self.first.iter().zip(&other.first);
        pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
    }

    /// Cosine of the second recogniser's descriptors: 1 for the same photo.
    pub(crate) fn similarity(&self, other: &Self) -> f32 {
        let product =
            |one: &[f32], other: &[f32]| -> f32 { one.iter().zip(other).map(|(a, b)| a * b).sum() };
        let lengths = product(&self.second, &self.second) * product(&other.second, &other.second);
        product(&self.second, &other.second) / lengths.sqrt().max(f32::MIN_POSITIVE)
    }
}

const CHIP: usize = 150;
/// Where dlib's mean face has the outer and inner corners of the eyes and the base of the nose,
/// left and right as seen, in a unit square.
const MEAN_FACE: [(usize, Point); 5] = [
    (
        at::RIGHT_EYE.0,
        Point {
            x: 0.859_567_46,
            y: 0.213_498_16,
        },
    ),
    (
        at::RIGHT_EYE.1,
        Point {
            x: 0.646_060_5,
            y: 0.228_967_44,
        },
    ),
    (
        at::LEFT_EYE.0,
        Point {
            x: 0.120_575_06,
            y: 0.213_727_45,
        },
    ),
    (
        at::LEFT_EYE.1,
        Point {
            x: 0.334_085_06,
            y: 0.229_064_24,
        },
    ),
    (
        at::UNDER_NOSE,
        Point {
            x: 0.490_112_3,
            y: 0.627_797_54,
        },
    ),
];
const CHIP_PADDING: f32 = 0.25;
const MEAN_COLOUR: [f32; 3] = [122.782, 117.001, 104.298];

fn first(raster: &Raster, model: &Model, mesh: &Mesh) -> Result<Vec<f32>, ModelError> {
    let side = inference::raster::real(CHIP);
    let pairs = MEAN_FACE.map(|(number, mean)| {
        let placed = |it: f32| (CHIP_PADDING + it) / (2.0 * CHIP_PADDING + 1.0) * side;
        let mean = Point {
            x: placed(mean.x),
            y: placed(mean.y),
        };
        (mean, mesh.point(number))
    });
    let pixels = raster.cut(&similarity(&pairs), CHIP, CHIP, [0.0; 3]);
    let input: Vec<f32> = pixels
        .iter()
        .flat_map(|it| std::iter::zip(it, MEAN_COLOUR).map(|(value, mean)| (value - mean) / 256.0))
        .collect();
    let [descriptor] = run(model, input, [DESCRIPTOR])?;
    Ok(descriptor)
}

/// The similarity that maps the first points of the pairs onto the second, with the least sum
/// of squares.
fn similarity(pairs: &[(Point, Point)]) -> Affine {
    let count = inference::raster::real(pairs.len().max(1));
    let mean = |point: fn(&(Point, Point)) -> Point| {
        let sum = pairs
            .iter()
            .map(point)
            .fold(Point::default(), |sum, it| Point {
                x: sum.x + it.x,
                y: sum.y + it.y,
            });
        Point {
            x: sum.x / count,
            y: sum.y / count,
        }
    };
    let (from, to) = (mean(|it| it.0), mean(|it| it.1));
    let (mut along, mut across, mut size) = (0.0, 0.0, 0.0);
    for (one, other) in pairs {
        let (u, v) = (one.x - from.x, one.y - from.y);
        let (x, y) = (other.x - to.x, other.y - to.y);
        along += u * x + v * y;
        across += u * y - v * x;
        size += u * u + v * v;
    }
    let size = size.max(f32::MIN_POSITIVE);
    let (cos, sin) = (along / size, across / size);
    Affine {
        x: [cos, -sin, to.x - cos * from.x + sin * from.y],
        y: [sin, cos, to.y - sin * from.x - cos * from.y],
    }
}

const SECOND_SIDE: usize = 224;
/// How much of what surrounds the face the second recogniser sees, in widths of the
/// mesh. Of those tried this told people apart best: the face and nothing else.
const AROUND: f32 = 1.0;
/// Of blue, green and red, as its network was trained.
const MEAN_BGR: [f32; 3] = [103.939, 116.779, 123.68];

fn second(raster: &Raster, model: &Model, mesh: &Mesh) -> Result<Vec<f32>, ModelError> {
    let bounds = mesh.bounds();
    let cut = Cut {
        centre: bounds.centre(),
        side: bounds.width.max(bounds.height) * AROUND,
        angle: mesh.pose().roll.to_radians(),
    };
    let pixels = raster.cut(&cut.map(SECOND_SIDE), SECOND_SIDE, SECOND_SIDE, [0.0; 3]);
    let swapped: Vec<[f32; 3]> = pixels
        .iter()
        .map(|[red, green, blue]| {
            let [mean_blue, mean_green, mean_red] = MEAN_BGR;
            [blue - mean_blue, green - mean_green, red - mean_red]
        })
        .collect();
    let [descriptor] = run(model, input(&swapped, 1.0, 0.0), [POOLED])?;
    Ok(descriptor)
}

/// Blocks of the network in their order; those that end in `down` halve rows and columns.
const BLOCKS: [(&str, bool); 14] = [
    ("conv32_1", false),
    ("conv32_2", false),
    ("conv32_3", false),
    ("conv64_down", true),
    ("conv64_1", false),
    ("conv64_2", false),
    ("conv64_3", false),
    ("conv128_down", true),
    ("conv128_1", false),
    ("conv128_2", false),
    ("conv256_down", true),
    ("conv256_1", false),
    ("conv256_2", false),
    ("conv256_down_out", true),
];

/// The first recogniser, from a manifest of weights and their bytes: the file has no graph.
pub(crate) fn network(manifest: &[u8], weights: &[u8]) -> Result<Model, ModelError> {
    let weights = Weights::read(&inference::tfjs::entries(manifest)?, weights)?;
    let mut network = Network {
        weights,
        builder: Builder::default(),
    };
    let chip = network.builder.input(Shape::new(CHIP, CHIP, 3))?;
    let begin = network.layer(chip, "conv32_down", (2, Padding::Valid))?;
    let begin = network.builder.relu(begin)?;
    let mut value = network
        .builder
        .max_pool(begin, (3, 3), step(2, Padding::Valid))?;
    for (name, halves) in BLOCKS {
        value = network.block(value, name, halves)?;
    }
    let pooled = network.builder.mean(value)?;
    let (shape, matrix) = network.weights.real("fc")?;
    let [depth, width] = shape else {
        return Err(ModelError::Shape("the last matrix"));
    };
    let filter = Filter {
        shape: [1, 1, *depth, *width],
        weights: matrix.to_vec(),
    };
    let end = network
        .builder
        .convolution(pooled, filter, step(1, Padding::Valid))?;
    network.builder.finish(vec![(DESCRIPTOR.to_owned(), end)])
}

struct Network {
    weights: Weights,
    builder: Builder,
}

fn step(by: usize, padding: Padding) -> Geometry {
    Geometry {
        stride: (by, by),
        padding,
    }
}

impl Network {
    fn layer(
        &mut self,
        from: Value,
        name: &str,
        (by, padding): (usize, Padding),
    ) -> Result<Value, ModelError> {
        let (shape, filter) = self.weights.real(&format!("{name}/conv/filters"))?;
        let shape = <[usize; 4]>::try_from(shape);
        let filter = Filter {
            shape: shape.map_err(|_not_four| ModelError::Shape("sides of a window"))?,
            weights: filter.to_vec(),
        };
        let (_, bias) = self.weights.real(&format!("{name}/conv/bias"))?;
        let (_, factors) = self.weights.real(&format!("{name}/scale/weights"))?;
        let (_, terms) = self.weights.real(&format!("{name}/scale/biases"))?;
        let value = self.builder.convolution(from, filter, step(by, padding))?;
        let value = self.builder.shift(value, bias)?;
        let value = self.builder.scale(value, factors)?;
        self.builder.shift(value, terms)
    }

    /// Two layers beside what came; where rows and columns are halved, what came is averaged
    /// and lacks channels, and what the layers lack in places is zero.
    fn block(&mut self, from: Value, name: &str, halves: bool) -> Result<Value, ModelError> {
        let by = if halves {
            (2, Padding::Valid)
        } else {
            (1, Padding::Same)
        };
        let inner = self.layer(from, &format!("{name}/conv1"), by)?;
        let inner = self.builder.relu(inner)?;
        let mut inner = self.layer(inner, &format!("{name}/conv2"), (1, Padding::Same))?;
        let mut beside = from;
        if halves {
            beside = self
                .builder
                .average_pool(from, (2, 2), step(2, Padding::Valid))?;
            let (large, small) = (self.builder.shape(beside)?, self.builder.shape(inner)?);
            let rows = large.rows.saturating_sub(small.rows);
            let columns = large.columns.saturating_sub(small.columns);
            let channels = small.channels.saturating_sub(large.channels);
            inner = self.builder.pad(inner, [(0, rows), (0, columns), (0, 0)])?;
            beside = self.builder.pad(beside, [(0, 0), (0, 0), (0, channels)])?;
        }
        let sum = self.builder.add(inner, beside)?;
        self.builder.relu(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_likeness_comes_back_from_its_bytes_and_others_are_none() {
        let likeness = Likeness {
            first: vec![0.5, -1.25, 3.0],
            second: vec![2.0, f32::MIN_POSITIVE],
        };
        let bytes = likeness.to_bytes();
        let back = Likeness::from_bytes(&bytes).unwrap();
        assert_eq!((back.first, back.second), (likeness.first, likeness.second));
        let mut other = bytes.clone();
        other[0] = 2;
        let too_long = [&bytes[..1], &u32::MAX.to_le_bytes(), &bytes[5..]].concat();
        let all_first = [&bytes[..1], &5_u32.to_le_bytes(), &bytes[5..]].concat();
        let infinite = [&bytes[..5], &f32::INFINITY.to_le_bytes(), &bytes[9..]].concat();
        let cut = bytes[..bytes.len() - 1].to_vec();
        for wrong in [
            other,
            too_long,
            all_first,
            infinite,
            cut,
            vec![1],
            Vec::new(),
        ] {
            assert!(Likeness::from_bytes(&wrong).is_none());
        }
    }

    /// The same numbers as crates/inference compares the graph models with.
    #[test]
    fn the_first_recogniser_computes_what_tensorflow_js_computes() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/models");
        let file = |name: &str| {
            std::fs::read(folder.join(name))
                .expect("the face models: run `cargo xtask setup --models`")
        };
        let model = network(&file("recogniser.json"), &file("recogniser.bin")).unwrap();
        let text = include_str!("../../../test-vectors/inference/tfjs.json");
        let reference: serde_json::Value = serde_json::from_str(text).unwrap();
        let cases = reference["cases"].as_array().unwrap();
        let case = cases.iter().find(|it| it["model"] == "recogniser").unwrap();
        let mut state = u32::try_from(case["seed"].as_u64().unwrap()).unwrap();
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            inference::raster::real(usize::try_from(state >> 8).unwrap()) / 8_388_608.0 - 1.0
        };
        let input = (0..CHIP * CHIP * 3).map(|_| noise()).collect();
        let [descriptor] = run(&model, input, [DESCRIPTOR]).unwrap();
        let expected = case["outputs"]["descriptor"]["values"].as_array().unwrap();
        assert_eq!((descriptor.len(), expected.len()), (128, 128));
        for (value, expected) in descriptor.iter().zip(expected) {
            let off = (f64::from(*value) - expected.as_f64().unwrap()).abs();
            assert!(off < 1e-4, "{value} for {expected}");
        }
    }
}
