//! The operators, and what computes them.

mod matrix;
mod places;
mod wide;

use crate::form::{Geometry, ModelError, Padding, Shape};
use crate::graph::Node;

/// What an operator does.
#[derive(Debug)]
pub(crate) enum Op {
    Input,
    Convolution {
        window: Window,
        /// Window rows, columns, channels in, channels out.
        weights: Vec<f32>,
        bias: Vec<f32>,
    },
    Depthwise {
        window: Window,
        /// Window rows, columns, channels.
        weights: Vec<f32>,
        bias: Vec<f32>,
    },
    MaxPool(Window),
    AveragePool(Window),
    Add,
    ScaleBy,
    ChannelWise(ChannelWise),
    Softmax,
    Pad([(usize, usize); 3]),
    Concatenate,
    /// The elements stay; the shape may be another.
    Same,
    Mean,
    Resize,
    Enlarge {
        side: usize,
        weights: Vec<f32>,
    },
}

/// A number for each channel.
#[derive(Debug)]
pub(crate) enum ChannelWise {
    Add(Vec<f32>),
    Multiply(Vec<f32>),
}

/// What is applied to a result, element by element.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Activation {
    None,
    Clamp(f32, f32),
    Prelu(Vec<f32>),
    Sigmoid,
    HardSwish,
}

/// A window that moves over rows and columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Rows and columns of the window.
    pub(crate) size: (usize, usize),
    pub(crate) stride: (usize, usize),
    /// Rows and columns that lack before the first.
    pub(crate) before: (usize, usize),
    /// How many windows there are, by rows and columns.
    pub(crate) places: (usize, usize),
}

impl Window {
    pub(crate) fn new(
        size: (usize, usize),
        geometry: Geometry,
        over: Shape,
    ) -> Result<Self, ModelError> {
        let rows = along(over.rows, size.0, geometry.stride.0, geometry.padding)?;
        let columns = along(over.columns, size.1, geometry.stride.1, geometry.padding)?;
        Ok(Self {
            size,
            stride: geometry.stride,
            before: (rows.0, columns.0),
            places: (rows.1, columns.1),
        })
    }

    /// Whether it looks at each place once, by itself.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.size == (1, 1) && self.stride == (1, 1)
    }
}

/// What lacks before the first window, and how many there are.
fn along(
    length: usize,
    size: usize,
    stride: usize,
    padding: Padding,
) -> Result<(usize, usize), ModelError> {
    if size == 0 || stride == 0 || length == 0 || size > 1 << 10 || stride > 1 << 10 {
        return Err(ModelError::Shape("a window"));
    }
    match padding {
        Padding::Same => {
            let places = length.div_ceil(stride);
            let covered = (places - 1) * stride + size;
            Ok((covered.saturating_sub(length) / 2, places))
        }
        Padding::Valid if size <= length => Ok((0, (length - size) / stride + 1)),
        Padding::Valid => Err(ModelError::Shape("a window larger than what it moves over")),
    }
}

/// Memory that outlives one operator.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) patches: Vec<f32>,
}

/// Computes one operator into `out`, which has the node's length. `inputs` have the shapes that
/// the builder has checked.
pub(crate) fn compute(
    node: &Node,
    inputs: &[(&[f32], Shape)],
    out: &mut [f32],
    scratch: &mut Scratch,
) {
    match (&node.op, inputs) {
        (
            Op::Convolution {
                window,
                weights,
                bias,
            },
            [input],
        ) => matrix::convolution(window, *input, (weights, bias), out, &mut scratch.patches),
        (
            Op::Depthwise {
                window,
                weights,
                bias,
            },
            [input],
        ) => wide::depthwise(window, *input, (weights, bias), out),
        (Op::MaxPool(window), [input]) => places::max_pool(window, *input, out),
        (Op::AveragePool(window), [input]) => places::average_pool(window, *input, out),
        (Op::Add, [(left, _), (right, _)]) => places::add(left, right, out),
        (Op::ScaleBy, [(input, _), (factors, _)]) => places::scale(input, factors, out),
        (Op::ChannelWise(ChannelWise::Multiply(by)), [(input, _)]) => {
            places::scale(input, by, out);
        }
        (Op::ChannelWise(ChannelWise::Add(by)), [(input, _)]) => places::shift(input, by, out),
        (Op::Softmax, [(input, shape)]) => places::softmax(input, shape.channels, out),
        (Op::Pad(by), [input]) => places::pad(*by, *input, node.shape, out),
        (Op::Concatenate, [left, right]) => places::concatenate(*left, *right, out),
        (Op::Mean, [(input, shape)]) => places::mean(input, shape.channels, out),
        (Op::Resize, [input]) => places::resize(*input, node.shape, out),
        (Op::Enlarge { side, weights }, [input]) => places::enlarge(*side, weights, *input, out),
        // Same and Input; the builder makes no other combination.
        (_, [(input, _), ..]) => out.copy_from_slice(input),
        (_, []) => {}
    }
    wide::activate(&node.then, node.shape.channels, out);
}
