//! Shapes and windows, the limits of a model, and why one is refused.

/// Rows, columns and channels of a value; vectors have one row and one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Height in elements.
    pub rows: usize,
    /// Width in elements.
    pub columns: usize,
    /// Elements at each place.
    pub channels: usize,
}

impl Shape {
    /// A shape.
    #[must_use]
    pub const fn new(rows: usize, columns: usize, channels: usize) -> Self {
        Self {
            rows,
            columns,
            channels,
        }
    }

    /// How many elements it has; the builder keeps this below [`MAX_ELEMENTS`].
    #[must_use]
    pub const fn len(self) -> usize {
        self.rows
            .saturating_mul(self.columns)
            .saturating_mul(self.channels)
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Most elements of one value: 64 MB. A file that asks for more is refused when it is read.
pub const MAX_ELEMENTS: usize = 16 << 20;
/// Most parameters of a model: 256 MB.
pub const MAX_PARAMETERS: usize = 64 << 20;
/// Most operators of a model.
pub const MAX_OPERATORS: usize = 4096;
/// Most multiplications of one run: some seconds of one core.
pub const MAX_WORK: usize = 40_000_000_000;

/// Why a model is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The file's own structure is broken.
    #[error("not a model: {0}")]
    Malformed(String),
    /// An operator, or a form of one, that is not supported.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// Shapes or sizes do not fit together.
    #[error("shapes do not fit: {0}")]
    Shape(&'static str),
    /// Larger than the limits of this module.
    #[error("the model is too large: {0}")]
    TooLarge(&'static str),
    /// Weights are missing, too short, or not numbers.
    #[error("weights: {0}")]
    Weights(String),
    /// The model has no such output, or the input has another size.
    #[error("no such input or output: {0}")]
    Interface(String),
}

/// How a window covers the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// As many places as there are steps; what is lacking is zero, the odd one at the end.
    Same,
    /// Only whole windows.
    Valid,
}

/// Steps and edges of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Rows and columns from one window to the next.
    pub stride: (usize, usize),
    /// At the edges.
    pub padding: Padding,
}

/// Weights of a window: rows, columns, channels in, channels out; the last varies fastest.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Rows, columns, channels in, channels out (depthwise: the multiplier, 1).
    pub shape: [usize; 4],
    /// As many as the shape says.
    pub weights: Vec<f32>,
}
