//! A network as operators over values whose shapes are known.

use crate::form::{
    Filter, Geometry, MAX_ELEMENTS, MAX_OPERATORS, MAX_PARAMETERS, MAX_WORK, ModelError, Shape,
};
use crate::kernel::{Activation, ChannelWise, Op, Window};
use crate::model::Model;

/// A value of the network, made by a [`Builder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value(usize);

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) inputs: Vec<usize>,
    pub(crate) shape: Shape,
    /// Applied to the operator's result.
    pub(crate) then: Activation,
}

/// Collects operators. Each method checks what it is given.
#[derive(Debug, Default)]
pub struct Builder {
    nodes: Vec<Node>,
    parameters: usize,
    work: usize,
}

impl Builder {
    /// The input; it must be the first value.
    ///
    /// # Errors
    /// [`ModelError`], as of every method here.
    pub fn input(&mut self, shape: Shape) -> Result<Value, ModelError> {
        if !self.nodes.is_empty() {
            return Err(ModelError::Shape("one input, before anything else"));
        }
        self.push(Op::Input, Vec::new(), shape)
    }

    /// A convolution, or a matrix product where rows, columns and window are 1.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn convolution(
        &mut self,
        from: Value,
        filter: Filter,
        geometry: Geometry,
    ) -> Result<Value, ModelError> {
        let shape = self.shape(from)?;
        let [rows, columns, depth, width] = filter.shape;
        self.parameters(&filter)?;
        if depth != shape.channels {
            return Err(ModelError::Shape("channels of a convolution"));
        }
        let window = Window::new((rows, columns), geometry, shape)?;
        let shape = Shape::new(window.places.0, window.places.1, width);
        self.spend(shape, rows.saturating_mul(columns).saturating_mul(depth))?;
        let op = Op::Convolution {
            window,
            weights: filter.weights,
            bias: vec![0.0; width],
        };
        self.push(op, vec![from.0], shape)
    }

    /// A convolution of each channel by itself.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn depthwise(
        &mut self,
        from: Value,
        filter: Filter,
        geometry: Geometry,
    ) -> Result<Value, ModelError> {
        let shape = self.shape(from)?;
        let [rows, columns, depth, multiplier] = filter.shape;
        self.parameters(&filter)?;
        if depth != shape.channels || multiplier != 1 {
            return Err(ModelError::Shape("channels of a depthwise convolution"));
        }
        let window = Window::new((rows, columns), geometry, shape)?;
        let shape = Shape::new(window.places.0, window.places.1, depth);
        self.spend(shape, rows.saturating_mul(columns))?;
        let op = Op::Depthwise {
            window,
            weights: filter.weights,
            bias: vec![0.0; depth],
        };
        self.push(op, vec![from.0], shape)
    }

    /// The largest of each window.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn max_pool(
        &mut self,
        from: Value,
        size: (usize, usize),
        geometry: Geometry,
    ) -> Result<Value, ModelError> {
        let (window, shape) = self.pool(from, size, geometry)?;
        self.push(Op::MaxPool(window), vec![from.0], shape)
    }

    /// The mean of each window, of the places that exist.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn average_pool(
        &mut self,
        from: Value,
        size: (usize, usize),
        geometry: Geometry,
    ) -> Result<Value, ModelError> {
        let (window, shape) = self.pool(from, size, geometry)?;
        self.push(Op::AveragePool(window), vec![from.0], shape)
    }

    /// The sum of two values of one shape.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn add(&mut self, left: Value, right: Value) -> Result<Value, ModelError> {
        let shape = self.shape(left)?;
        if shape != self.shape(right)? {
            return Err(ModelError::Shape("terms of a sum"));
        }
        self.push(Op::Add, vec![left.0, right.0], shape)
    }

    /// Each channel times its factor, a value of one place.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn scale_by(&mut self, from: Value, factors: Value) -> Result<Value, ModelError> {
        let shape = self.shape(from)?;
        if self.shape(factors)? != Shape::new(1, 1, shape.channels) {
            return Err(ModelError::Shape("factors of channels"));
        }
        self.push(Op::ScaleBy, vec![from.0, factors.0], shape)
    }

    /// Adds a number to each channel; one number serves all.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn shift(&mut self, from: Value, by: &[f32]) -> Result<Value, ModelError> {
        let by = self.for_channels(from, by)?;
        self.map(from, Op::ChannelWise(ChannelWise::Add(by)))
    }

    /// Multiplies each channel by a number; one number serves all.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn scale(&mut self, from: Value, by: &[f32]) -> Result<Value, ModelError> {
        let by = self.for_channels(from, by)?;
        self.map(from, Op::ChannelWise(ChannelWise::Multiply(by)))
    }

    /// Negative elements times their channel's number.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn prelu(&mut self, from: Value, slopes: &[f32]) -> Result<Value, ModelError> {
        let slopes = self.for_channels(from, slopes)?;
        self.act(from, Activation::Prelu(slopes))
    }

    /// Nothing below `low`, nothing above `high`.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn clamp(&mut self, from: Value, low: f32, high: f32) -> Result<Value, ModelError> {
        if low.is_nan() || high.is_nan() || low > high {
            return Err(ModelError::Shape("bounds"));
        }
        self.act(from, Activation::Clamp(low, high))
    }

    /// Nothing below zero.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn relu(&mut self, from: Value) -> Result<Value, ModelError> {
        self.clamp(from, 0.0, f32::INFINITY)
    }

    /// The logistic function.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn sigmoid(&mut self, from: Value) -> Result<Value, ModelError> {
        self.act(from, Activation::Sigmoid)
    }

    /// x times (x + 3, from 0 to 6) / 6.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn hard_swish(&mut self, from: Value) -> Result<Value, ModelError> {
        self.act(from, Activation::HardSwish)
    }

    /// Shares that add up to one, over the channels.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn softmax(&mut self, from: Value) -> Result<Value, ModelError> {
        self.map(from, Op::Softmax)
    }

    /// Zeros before and after the rows, the columns and the channels.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn pad(&mut self, from: Value, by: [(usize, usize); 3]) -> Result<Value, ModelError> {
        let shape = self.shape(from)?;
        let [rows, columns, channels] = by;
        let wider = |size: usize, (before, after): (usize, usize)| {
            size.saturating_add(before).saturating_add(after)
        };
        let shape = Shape::new(
            wider(shape.rows, rows),
            wider(shape.columns, columns),
            wider(shape.channels, channels),
        );
        self.push(Op::Pad(by), vec![from.0], shape)
    }

    /// Two values, one after the other in their channels.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn concatenate(&mut self, left: Value, right: Value) -> Result<Value, ModelError> {
        let (first, second) = (self.shape(left)?, self.shape(right)?);
        if (first.rows, first.columns) != (second.rows, second.columns) {
            return Err(ModelError::Shape("values to put together"));
        }
        let channels = first.channels.saturating_add(second.channels);
        let shape = Shape::new(first.rows, first.columns, channels);
        self.push(Op::Concatenate, vec![left.0, right.0], shape)
    }

    /// The same elements in another shape.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn reshape(&mut self, from: Value, shape: Shape) -> Result<Value, ModelError> {
        if self.shape(from)?.len() != shape.len() {
            return Err(ModelError::Shape("elements of another shape"));
        }
        self.push(Op::Same, vec![from.0], shape)
    }

    /// The mean of all places, by channel.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn mean(&mut self, from: Value) -> Result<Value, ModelError> {
        let channels = self.shape(from)?.channels;
        self.push(Op::Mean, vec![from.0], Shape::new(1, 1, channels))
    }

    /// Another size by interpolation, pixels having their centres at halves.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn resize(
        &mut self,
        from: Value,
        rows: usize,
        columns: usize,
    ) -> Result<Value, ModelError> {
        let channels = self.shape(from)?.channels;
        let shape = Shape::new(rows, columns, channels);
        self.push(Op::Resize, vec![from.0], shape)
    }

    /// Each place becomes a block of `side` x `side` with one channel: a transposed convolution
    /// whose window is its step. `weights` are rows, columns, channels in.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn enlarge(
        &mut self,
        from: Value,
        side: usize,
        weights: Vec<f32>,
    ) -> Result<Value, ModelError> {
        let shape = self.shape(from)?;
        let wanted = side.saturating_mul(side).saturating_mul(shape.channels);
        if side == 0 || weights.len() != wanted {
            return Err(ModelError::Shape("weights of an enlargement"));
        }
        let larger = Shape::new(
            shape.rows.saturating_mul(side),
            shape.columns.saturating_mul(side),
            1,
        );
        self.spend(larger, shape.channels)?;
        self.push(Op::Enlarge { side, weights }, vec![from.0], larger)
    }

    /// The shape of a value.
    ///
    /// # Errors
    /// [`ModelError::Shape`] for a value of another builder.
    pub fn shape(&self, value: Value) -> Result<Shape, ModelError> {
        self.nodes
            .get(value.0)
            .map(|node| node.shape)
            .ok_or(ModelError::Shape("a value of another model"))
    }

    /// The model with its named outputs.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn finish(self, outputs: Vec<(String, Value)>) -> Result<Model, ModelError> {
        for (_, value) in &outputs {
            self.shape(*value)?;
        }
        if outputs.is_empty()
            || !matches!(self.nodes.first(), Some(first) if matches!(first.op, Op::Input))
        {
            return Err(ModelError::Shape("a model has an input and outputs"));
        }
        let outputs = outputs.into_iter().map(|(name, value)| (name, value.0));
        Ok(Model::new(self.nodes, outputs.collect()))
    }

    fn pool(
        &self,
        from: Value,
        size: (usize, usize),
        geometry: Geometry,
    ) -> Result<(Window, Shape), ModelError> {
        let shape = self.shape(from)?;
        let window = Window::new(size, geometry, shape)?;
        let pooled = Shape::new(window.places.0, window.places.1, shape.channels);
        Ok((window, pooled))
    }

    fn act(&mut self, from: Value, then: Activation) -> Result<Value, ModelError> {
        let value = self.map(from, Op::Same)?;
        if let Some(node) = self.nodes.last_mut() {
            node.then = then;
        }
        Ok(value)
    }

    fn map(&mut self, from: Value, op: Op) -> Result<Value, ModelError> {
        let shape = self.shape(from)?;
        self.push(op, vec![from.0], shape)
    }

    fn for_channels(&mut self, from: Value, numbers: &[f32]) -> Result<Vec<f32>, ModelError> {
        let channels = self.shape(from)?.channels;
        let numbers = match numbers {
            [one] => vec![*one; channels],
            _ if numbers.len() == channels => numbers.to_vec(),
            _ => return Err(ModelError::Shape("one number for each channel")),
        };
        finite(&numbers)?;
        self.count(channels)?;
        Ok(numbers)
    }

    fn parameters(&mut self, filter: &Filter) -> Result<(), ModelError> {
        let [rows, columns, depth, width] = filter.shape;
        let wanted = rows
            .saturating_mul(columns)
            .saturating_mul(depth)
            .saturating_mul(width);
        if wanted == 0 || filter.weights.len() != wanted {
            return Err(ModelError::Shape("weights of a window"));
        }
        finite(&filter.weights)?;
        self.count(wanted)
    }

    fn count(&mut self, parameters: usize) -> Result<(), ModelError> {
        self.parameters = self.parameters.saturating_add(parameters);
        if self.parameters > MAX_PARAMETERS {
            return Err(ModelError::TooLarge("parameters"));
        }
        Ok(())
    }

    fn spend(&mut self, shape: Shape, each: usize) -> Result<(), ModelError> {
        self.work = self.work.saturating_add(shape.len().saturating_mul(each));
        if self.work > MAX_WORK {
            return Err(ModelError::TooLarge("work of one run"));
        }
        Ok(())
    }

    fn push(&mut self, op: Op, inputs: Vec<usize>, shape: Shape) -> Result<Value, ModelError> {
        if shape.is_empty() || shape.len() > MAX_ELEMENTS {
            return Err(ModelError::TooLarge("elements of a value"));
        }
        if self.nodes.len() >= MAX_OPERATORS {
            return Err(ModelError::TooLarge("operators"));
        }
        self.nodes.push(Node {
            op,
            inputs,
            shape,
            then: Activation::None,
        });
        Ok(Value(self.nodes.len() - 1))
    }
}

/// One bad number would spread through every later value and make comparisons silently false.
fn finite(numbers: &[f32]) -> Result<(), ModelError> {
    if numbers.iter().all(|number| number.is_finite()) {
        Ok(())
    } else {
        Err(ModelError::Weights(
            "a number that is not finite".to_owned(),
        ))
    }
}
