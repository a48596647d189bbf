//! Each operator of TensorFlow as operators of ours.

use super::Reading;
use super::file::Node;
use crate::form::{Filter, Geometry, ModelError, Padding, Shape};
use crate::graph::Value;

impl Reading<'_> {
    pub(super) fn operator(&mut self, node: &Node) -> Result<Value, ModelError> {
        match node.op.as_str() {
            "Placeholder" => self.builder.input(input_shape(node)?),
            "Identity" => self.value(node.input(0)?),
            "Conv2D" | "_FusedConv2D" => self.convolution(node, false),
            "DepthwiseConv2dNative" | "FusedDepthwiseConv2dNative" => self.convolution(node, true),
            "MatMul" | "_FusedMatMul" => self.product(node),
            "Add" | "AddV2" | "BiasAdd" => self.sum(node),
            "Mul" => self.scaled(node),
            "Minimum" => {
                let bound = self.number(node.input(1)?)?;
                let from = self.value(node.input(0)?)?;
                self.builder.clamp(from, f32::NEG_INFINITY, bound)
            }
            "Maximum" => {
                let bound = self.number(node.input(1)?)?;
                let from = self.value(node.input(0)?)?;
                self.builder.clamp(from, bound, f32::INFINITY)
            }
            "Relu" | "Relu6" | "Sigmoid" => {
                let from = self.value(node.input(0)?)?;
                self.activation(&node.op, from)
            }
            "Prelu" => {
                let from = self.value(node.input(0)?)?;
                self.slopes(from, node.input(1)?)
            }
            "Softmax" => {
                let from = self.value(node.input(0)?)?;
                self.builder.softmax(from)
            }
            "MaxPool" | "AvgPool" => self.pool(node),
            "Pad" => self.pad(node),
            "ConcatV2" => self.concatenate(node),
            "Reshape" => self.reshape(node),
            "Mean" => self.mean(node),
            other => Err(ModelError::Unsupported(format!("operator {other}"))),
        }
    }

    fn convolution(&mut self, node: &Node, depthwise: bool) -> Result<Value, ModelError> {
        let from = self.value(node.input(0)?)?;
        let geometry = geometry(node)?;
        let dilations = node.numbers("dilations").unwrap_or_default();
        if dilations.iter().any(|it| *it != 1) {
            return Err(ModelError::Unsupported("dilation".to_owned()));
        }
        let (shape, weights) = self.weights.real(node.input(1)?)?;
        let shape = <[usize; 4]>::try_from(shape);
        let filter = Filter {
            shape: shape.map_err(|_not_four| ModelError::Shape("sides of a window"))?,
            weights: weights.to_vec(),
        };
        let value = if depthwise {
            self.builder.depthwise(from, filter, geometry)?
        } else {
            self.builder.convolution(from, filter, geometry)?
        };
        self.fused(node, value)
    }

    fn product(&mut self, node: &Node) -> Result<Value, ModelError> {
        if node.flag("transpose_a") || node.flag("transpose_b") {
            return Err(ModelError::Unsupported("a transposed product".to_owned()));
        }
        let from = self.value(node.input(0)?)?;
        let (shape, weights) = self.weights.real(node.input(1)?)?;
        let [depth, width] = shape else {
            return Err(ModelError::Shape("sides of a matrix"));
        };
        let filter = Filter {
            shape: [1, 1, *depth, *width],
            weights: weights.to_vec(),
        };
        let once = Geometry {
            stride: (1, 1),
            padding: Padding::Valid,
        };
        let value = self.builder.convolution(from, filter, once)?;
        self.fused(node, value)
    }

    /// What is fused behind a product takes its inputs in turn.
    fn fused(&mut self, node: &Node, mut value: Value) -> Result<Value, ModelError> {
        let mut next = 2;
        for name in node.texts("fused_ops").unwrap_or_default() {
            match name.as_str() {
                "BiasAdd" => {
                    value = self.shifted(value, node.input(next)?)?;
                    next += 1;
                }
                "Prelu" => {
                    value = self.slopes(value, node.input(next)?)?;
                    next += 1;
                }
                _ => value = self.activation(&name, value)?,
            }
        }
        Ok(value)
    }

    fn activation(&mut self, name: &str, from: Value) -> Result<Value, ModelError> {
        match name {
            "Relu" => self.builder.relu(from),
            "Relu6" => self.builder.clamp(from, 0.0, 6.0),
            "Sigmoid" => self.builder.sigmoid(from),
            "Linear" => Ok(from),
            other => Err(ModelError::Unsupported(format!("activation {other}"))),
        }
    }

    fn sum(&mut self, node: &Node) -> Result<Value, ModelError> {
        let (left, right) = (node.input(0)?, node.input(1)?);
        match (self.value(left), self.value(right)) {
            (Ok(left), Ok(right)) => self.builder.add(left, right),
            (Ok(value), Err(_constant)) => self.shifted(value, right),
            (Err(_constant), Ok(value)) => self.shifted(value, left),
            (Err(error), Err(_)) => Err(error),
        }
    }

    fn scaled(&mut self, node: &Node) -> Result<Value, ModelError> {
        let (left, right) = (node.input(0)?, node.input(1)?);
        match (self.value(left), self.value(right)) {
            (Ok(left), Ok(right)) => self.builder.scale_by(left, right),
            (Ok(value), Err(_constant)) => {
                let by = channels(self.weights.real(right)?)?;
                self.builder.scale(value, by)
            }
            (Err(_constant), Ok(value)) => {
                let by = channels(self.weights.real(left)?)?;
                self.builder.scale(value, by)
            }
            (Err(error), Err(_)) => Err(error),
        }
    }

    fn shifted(&mut self, from: Value, constant: &str) -> Result<Value, ModelError> {
        let by = channels(self.weights.real(constant)?)?;
        self.builder.shift(from, by)
    }

    fn slopes(&mut self, from: Value, constant: &str) -> Result<Value, ModelError> {
        let by = channels(self.weights.real(constant)?)?;
        self.builder.prelu(from, by)
    }

    fn number(&self, constant: &str) -> Result<f32, ModelError> {
        match self.weights.real(constant)? {
            (_, [one]) => Ok(*one),
            _ => Err(ModelError::Unsupported(
                "a bound for each element".to_owned(),
            )),
        }
    }

    fn pool(&mut self, node: &Node) -> Result<Value, ModelError> {
        let from = self.value(node.input(0)?)?;
        let size = pair(node, "ksize")?;
        let geometry = geometry(node)?;
        if node.op == "MaxPool" {
            self.builder.max_pool(from, size, geometry)
        } else {
            self.builder.average_pool(from, size, geometry)
        }
    }

    fn pad(&mut self, node: &Node) -> Result<Value, ModelError> {
        let from = self.value(node.input(0)?)?;
        let by = self.weights.whole(node.input(1)?)?;
        let by: Result<Vec<usize>, _> = by.iter().map(|it| usize::try_from(*it)).collect();
        let by = by.map_err(|_negative| ModelError::Shape("what is added at the edges"))?;
        let [0, 0, top, bottom, left, right, first, last] = by.as_slice() else {
            return Err(ModelError::Shape("what is added at the edges"));
        };
        self.builder
            .pad(from, [(*top, *bottom), (*left, *right), (*first, *last)])
    }

    fn concatenate(&mut self, node: &Node) -> Result<Value, ModelError> {
        let (left, right) = (self.value(node.input(0)?)?, self.value(node.input(1)?)?);
        match (self.weights.whole(node.input(2)?)?, node.inputs().count()) {
            ([-1 | 3], 3) => self.builder.concatenate(left, right),
            _ => Err(ModelError::Unsupported(
                "joining other than by channels".to_owned(),
            )),
        }
    }

    fn reshape(&mut self, node: &Node) -> Result<Value, ModelError> {
        let from = self.value(node.input(0)?)?;
        let sides = self.weights.whole(node.input(1)?)?;
        let sides: Vec<i64> = sides.iter().map(|it| i64::from(*it)).collect();
        let (1 | -1, sides) = sides
            .split_first()
            .map_or((0, [].as_slice()), |(b, r)| (*b, r))
        else {
            return Err(ModelError::Shape("a batch of one"));
        };
        let length = self.builder.shape(from)?.len();
        let mut known = sides.iter().filter(|it| **it != -1);
        let known = known.try_fold(1_usize, |length, side| {
            length.checked_mul(usize::try_from(*side).ok()?)
        });
        let open = known.and_then(|known| length.checked_div(known));
        let open = open
            .and_then(|it| i64::try_from(it).ok())
            .unwrap_or_default();
        let sides: Vec<i64> = sides
            .iter()
            .map(|it| if *it == -1 { open } else { *it })
            .collect();
        self.builder.reshape(from, shape_of(&sides)?)
    }

    fn mean(&mut self, node: &Node) -> Result<Value, ModelError> {
        let from = self.value(node.input(0)?)?;
        match self.weights.whole(node.input(1)?)? {
            [1, 2] => self.builder.mean(from),
            _ => Err(ModelError::Unsupported(
                "a mean other than of all places".to_owned(),
            )),
        }
    }
}

/// Numbers that vary by channel only.
fn channels<'a>((shape, numbers): (&[usize], &'a [f32])) -> Result<&'a [f32], ModelError> {
    let places = shape
        .split_last()
        .map_or([].as_slice(), |(_, places)| places);
    if places.iter().all(|it| *it == 1) {
        Ok(numbers)
    } else {
        Err(ModelError::Unsupported(
            "a number for each place".to_owned(),
        ))
    }
}

fn input_shape(node: &Node) -> Result<Shape, ModelError> {
    let sides = node.shape();
    shape_of(&sides.ok_or(ModelError::Shape("the input's"))?)
}

/// A shape from its sides after the batch.
fn shape_of(sides: &[i64]) -> Result<Shape, ModelError> {
    let side = |side: &i64| {
        let side = usize::try_from(*side);
        side.map_err(|_negative| ModelError::Shape("a side"))
    };
    match sides {
        [channels] => Ok(Shape::new(1, 1, side(channels)?)),
        [columns, channels] => Ok(Shape::new(1, side(columns)?, side(channels)?)),
        [rows, columns, channels] => Ok(Shape::new(side(rows)?, side(columns)?, side(channels)?)),
        _ => Err(ModelError::Shape("more than rows, columns and channels")),
    }
}

fn geometry(node: &Node) -> Result<Geometry, ModelError> {
    if node.text("data_format").is_some_and(|it| it != "NHWC") {
        return Err(ModelError::Unsupported("channels first".to_owned()));
    }
    let padding = match node.text("padding").as_deref() {
        Some("SAME") => Padding::Same,
        Some("VALID") => Padding::Valid,
        _ => return Err(ModelError::Unsupported("padding".to_owned())),
    };
    Ok(Geometry {
        stride: pair(node, "strides")?,
        padding,
    })
}

/// The rows and columns of an attribute that also has batch and channels, both 1.
fn pair(node: &Node, name: &str) -> Result<(usize, usize), ModelError> {
    match node.numbers(name).as_deref() {
        Some([1, rows, columns, 1]) => usize::try_from(*rows)
            .ok()
            .zip(usize::try_from(*columns).ok())
            .ok_or(ModelError::Shape("steps of a window")),
        _ => Err(ModelError::Shape("steps of a window")),
    }
}
