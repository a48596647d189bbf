//! TensorFlow Lite files, as far as a segmentation network needs them.
//!
//! Read as strictly as [`crate::tfjs`]: an operator, an activation or a form of one that is not
//! known here is refused. The layout is that of the schema which the TensorFlow project
//! publishes (`schema.fbs`, version 3).

mod flat;
mod operators;

use std::collections::HashMap;

use crate::form::{MAX_OPERATORS, MAX_PARAMETERS, ModelError, Shape};
use crate::graph::{Builder, Value};
use crate::model::Model;
use crate::weights::half;
use flat::{Table, Tables};

/// Reads a file with one input and one output, which is given a name.
///
/// # Errors
/// [`ModelError`]
pub fn read(bytes: &[u8], output: &str) -> Result<Model, ModelError> {
    if bytes.get(4..8) != Some(b"TFL3") {
        return Err(ModelError::Malformed("no TensorFlow Lite file".to_owned()));
    }
    let model = flat::root(bytes)?;
    let graphs = model.tables(2)?;
    if graphs.len() != 1 {
        return Err(ModelError::Unsupported("more than one graph".to_owned()));
    }
    let graph = graphs.get(0)?;
    let mut reading = Reading {
        codes: model.tables(1)?,
        buffers: model.tables(4)?,
        tensors: graph.tables(0)?,
        builder: Builder::default(),
        values: HashMap::new(),
        constants: HashMap::new(),
        parameters: 0,
    };
    let [input] = graph.numbers(1)?[..] else {
        return Err(ModelError::Unsupported("more than one input".to_owned()));
    };
    let [end] = graph.numbers(2)?[..] else {
        return Err(ModelError::Unsupported("more than one output".to_owned()));
    };
    let shape = reading.shape(input)?;
    let value = reading.builder.input(shape)?;
    reading.values.insert(input, value);
    let operators = graph.tables(3)?;
    if operators.len() > MAX_OPERATORS {
        return Err(ModelError::TooLarge("operators"));
    }
    for at in 0..operators.len() {
        reading.operator(operators.get(at)?)?;
    }
    let end = reading.value(end)?;
    reading.builder.finish(vec![(output.to_owned(), end)])
}

/// What has been read so far. Tensors have numbers.
struct Reading<'a> {
    codes: Tables<'a>,
    buffers: Tables<'a>,
    tensors: Tables<'a>,
    builder: Builder,
    values: HashMap<i32, Value>,
    /// Those that an operator made of stored halves.
    constants: HashMap<i32, Vec<f32>>,
    parameters: usize,
}

const REAL: u8 = 0;
const HALF: u8 = 1;

impl Reading<'_> {
    fn value(&self, tensor: i32) -> Result<Value, ModelError> {
        let found = self.values.get(&tensor).copied();
        found.ok_or_else(|| ModelError::Malformed(format!("tensor {tensor} is no value")))
    }

    fn tensor(&self, number: i32) -> Result<Table<'_>, ModelError> {
        let number = usize::try_from(number);
        let number = number.map_err(|_negative| ModelError::Shape("a tensor that lacks"))?;
        self.tensors.get(number)
    }

    fn sides(&self, tensor: i32) -> Result<Vec<usize>, ModelError> {
        let sides = self.tensor(tensor)?.numbers(0)?;
        let sides: Result<_, _> = sides.into_iter().map(usize::try_from).collect();
        sides.map_err(|_negative| ModelError::Shape("sides of a tensor"))
    }

    /// Of a value: its batch is one.
    fn shape(&self, tensor: i32) -> Result<Shape, ModelError> {
        match self.sides(tensor)?[..] {
            [1, rows, columns, channels] => Ok(Shape::new(rows, columns, channels)),
            _ => Err(ModelError::Shape("a batch of one")),
        }
    }

    /// Stored numbers, or those that were made of stored halves.
    fn constant(&self, tensor: i32) -> Result<Vec<f32>, ModelError> {
        match self.constants.get(&tensor) {
            Some(numbers) => Ok(numbers.clone()),
            None => self.stored(tensor),
        }
    }

    fn stored(&self, number: i32) -> Result<Vec<f32>, ModelError> {
        let tensor = self.tensor(number)?;
        let buffer = usize::try_from(tensor.unsigned(2, 0)?);
        let buffer = buffer.map_err(|_large| ModelError::Shape("a buffer"))?;
        let data = self.buffers.get(buffer)?.bytes(0)?;
        let numbers: Vec<f32> = match tensor.byte(1, REAL)? {
            REAL => data
                .as_chunks()
                .0
                .iter()
                .map(|it| f32::from_le_bytes(*it))
                .collect(),
            HALF => data
                .as_chunks()
                .0
                .iter()
                .map(|it| half(u16::from_le_bytes(*it)))
                .collect(),
            other => return Err(ModelError::Unsupported(format!("numbers of type {other}"))),
        };
        let wanted = self
            .sides(number)?
            .iter()
            .try_fold(1_usize, |count, side| count.checked_mul(*side));
        if numbers.is_empty() || wanted != Some(numbers.len()) {
            return Err(ModelError::Weights(format!("of tensor {number}")));
        }
        Ok(numbers)
    }

    /// Halves become numbers of full width, once.
    fn widen(&mut self, from: i32, to: i32) -> Result<(), ModelError> {
        let numbers = self.stored(from)?;
        self.parameters = self.parameters.saturating_add(numbers.len());
        if self.parameters > MAX_PARAMETERS {
            return Err(ModelError::TooLarge("parameters"));
        }
        self.constants.insert(to, numbers);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
