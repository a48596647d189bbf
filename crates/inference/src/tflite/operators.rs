//! Each operator of TensorFlow Lite as operators of ours.

use super::Reading;
use super::flat::Table;
use crate::form::{Filter, Geometry, ModelError, Padding};
use crate::graph::Value;

/// Codes of `BuiltinOperator`.
mod code {
    pub(super) const ADD: u32 = 0;
    pub(super) const AVERAGE_POOL: u32 = 1;
    pub(super) const CONVOLUTION: u32 = 3;
    pub(super) const DEPTHWISE: u32 = 4;
    pub(super) const DEQUANTIZE: u32 = 6;
    pub(super) const LOGISTIC: u32 = 14;
    pub(super) const MULTIPLY: u32 = 18;
    pub(super) const RELU: u32 = 19;
    pub(super) const RESIZE: u32 = 23;
    pub(super) const CUSTOM: u32 = 32;
    pub(super) const HARD_SWISH: u32 = 117;
}

/// Inputs and output of an operator, and its options.
struct Call<'a> {
    inputs: Vec<i32>,
    output: i32,
    options: Option<Table<'a>>,
}

impl Reading<'_> {
    pub(super) fn operator(&mut self, operator: Table<'_>) -> Result<(), ModelError> {
        let [output] = operator.numbers(2)?[..] else {
            return Err(ModelError::Unsupported("more than one output".to_owned()));
        };
        let call = Call {
            inputs: operator.numbers(1)?,
            output,
            options: operator.table(4)?,
        };
        let kind = usize::try_from(operator.unsigned(0, 0)?);
        let kind = self
            .codes
            .get(kind.map_err(|_large| ModelError::Shape("a code"))?)?;
        // Newer files write the code as a number of four bytes beside that of one.
        let number = kind.unsigned(3, 0)?.max(u32::from(kind.byte(0, 0)?));
        let value = match number {
            code::DEQUANTIZE => return self.widen(call.input(0)?, call.output),
            code::CONVOLUTION => self.convolution(&call)?,
            code::DEPTHWISE => self.depthwise(&call)?,
            code::AVERAGE_POOL => self.pool(&call)?,
            code::ADD => {
                let (left, right) = (self.value(call.input(0)?)?, self.value(call.input(1)?)?);
                let sum = self.builder.add(left, right)?;
                self.fused(sum, call.byte(0)?)?
            }
            code::MULTIPLY => {
                let (left, right) = (self.value(call.input(0)?)?, self.value(call.input(1)?)?);
                let product = self.builder.scale_by(left, right)?;
                self.fused(product, call.byte(0)?)?
            }
            code::LOGISTIC => {
                let from = self.value(call.input(0)?)?;
                self.builder.sigmoid(from)?
            }
            code::RELU => {
                let from = self.value(call.input(0)?)?;
                self.builder.relu(from)?
            }
            code::HARD_SWISH => {
                let from = self.value(call.input(0)?)?;
                self.builder.hard_swish(from)?
            }
            code::RESIZE => self.resize(&call)?,
            code::CUSTOM if kind.bytes(1)? == b"Convolution2DTransposeBias" => {
                self.enlargement(&call)?
            }
            other => return Err(ModelError::Unsupported(format!("operator {other}"))),
        };
        if self.builder.shape(value)? != self.shape(call.output)? {
            return Err(ModelError::Shape("a result other than the file says"));
        }
        self.values.insert(call.output, value);
        Ok(())
    }

    /// Filters lie as channels out, rows, columns, channels in.
    fn convolution(&mut self, call: &Call<'_>) -> Result<Value, ModelError> {
        let from = self.value(call.input(0)?)?;
        let [width, rows, columns, depth] = self.sides(call.input(1)?)?[..] else {
            return Err(ModelError::Shape("sides of a window"));
        };
        if call.number(4, 1)? != 1 || call.number(5, 1)? != 1 {
            return Err(ModelError::Unsupported("dilation".to_owned()));
        }
        let stored = self.constant(call.input(1)?)?;
        let taps = stored.len() / width.max(1);
        // Channels out come last here.
        let weights = (0..taps).flat_map(|tap| stored.iter().skip(tap).step_by(taps.max(1)));
        let filter = Filter {
            shape: [rows, columns, depth, width],
            weights: weights.copied().collect(),
        };
        let sums = self.builder.convolution(from, filter, call.geometry()?)?;
        self.with_bias(sums, call, call.byte(3)?)
    }

    fn depthwise(&mut self, call: &Call<'_>) -> Result<Value, ModelError> {
        let from = self.value(call.input(0)?)?;
        let [1, rows, columns, depth] = self.sides(call.input(1)?)?[..] else {
            return Err(ModelError::Shape("sides of a window"));
        };
        if call.number(5, 1)? != 1 || call.number(6, 1)? != 1 {
            return Err(ModelError::Unsupported("dilation".to_owned()));
        }
        let filter = Filter {
            shape: [rows, columns, depth, 1],
            weights: self.constant(call.input(1)?)?,
        };
        let sums = self.builder.depthwise(from, filter, call.geometry()?)?;
        self.with_bias(sums, call, call.byte(4)?)
    }

    fn with_bias(&mut self, sums: Value, call: &Call<'_>, then: u8) -> Result<Value, ModelError> {
        let bias = self.constant(call.input(2)?)?;
        let sums = self.builder.shift(sums, &bias)?;
        self.fused(sums, then)
    }

    fn pool(&mut self, call: &Call<'_>) -> Result<Value, ModelError> {
        let from = self.value(call.input(0)?)?;
        let size = (call.size(4)?, call.size(3)?);
        let shape = self.builder.shape(from)?;
        let value = if size == (shape.rows, shape.columns) {
            self.builder.mean(from)?
        } else {
            self.builder.average_pool(from, size, call.geometry()?)?
        };
        self.fused(value, call.byte(5)?)
    }

    fn resize(&mut self, call: &Call<'_>) -> Result<Value, ModelError> {
        if call.byte(2)? != 0 || call.byte(3)? != 1 {
            return Err(ModelError::Unsupported(
                "corners that are aligned".to_owned(),
            ));
        }
        let from = self.value(call.input(0)?)?;
        let shape = self.shape(call.output)?;
        self.builder.resize(from, shape.rows, shape.columns)
    }

    /// A transposed convolution whose window is its step.
    fn enlargement(&mut self, call: &Call<'_>) -> Result<Value, ModelError> {
        let from = self.value(call.input(0)?)?;
        let [1, rows, columns, _] = self.sides(call.input(1)?)?[..] else {
            return Err(ModelError::Shape("sides of a window"));
        };
        if rows != columns {
            return Err(ModelError::Unsupported(
                "windows that are not square".to_owned(),
            ));
        }
        let weights = self.constant(call.input(1)?)?;
        let bias = self.constant(call.input(2)?)?;
        let value = self.builder.enlarge(from, rows, weights)?;
        self.builder.shift(value, &bias)
    }

    fn fused(&mut self, value: Value, activation: u8) -> Result<Value, ModelError> {
        match activation {
            0 => Ok(value),
            1 => self.builder.relu(value),
            3 => self.builder.clamp(value, 0.0, 6.0),
            other => Err(ModelError::Unsupported(format!("activation {other}"))),
        }
    }
}

impl Call<'_> {
    fn input(&self, at: usize) -> Result<i32, ModelError> {
        let found = self.inputs.get(at).copied();
        found.ok_or(ModelError::Shape("an input that lacks"))
    }

    fn byte(&self, field: usize) -> Result<u8, ModelError> {
        self.options.map_or(Ok(0), |it| it.byte(field, 0))
    }

    fn number(&self, field: usize, absent: u32) -> Result<u32, ModelError> {
        self.options
            .map_or(Ok(absent), |it| it.unsigned(field, absent))
    }

    fn size(&self, field: usize) -> Result<usize, ModelError> {
        usize::try_from(self.number(field, 1)?).map_err(|_large| ModelError::Shape("a window"))
    }

    fn geometry(&self) -> Result<Geometry, ModelError> {
        let padding = match self.byte(0)? {
            0 => Padding::Same,
            1 => Padding::Valid,
            _ => return Err(ModelError::Unsupported("padding".to_owned())),
        };
        Ok(Geometry {
            stride: (self.size(2)?, self.size(1)?),
            padding,
        })
    }
}
