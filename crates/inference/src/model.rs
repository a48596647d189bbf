//! A model that has been checked, and its runs.

use crate::form::{ModelError, Shape};
use crate::graph::Node;
use crate::kernel::{Activation, ChannelWise, Op, Scratch, compute};

/// A network that can be run, any number of times and from several threads.
#[derive(Debug)]
pub struct Model {
    nodes: Vec<Node>,
    outputs: Vec<(String, usize)>,
    /// After which node each value is no longer needed.
    last_use: Vec<usize>,
}

/// What a run gave, by the outputs' names.
#[derive(Debug)]
pub struct Outputs(Vec<(String, Vec<f32>)>);

impl Outputs {
    /// Takes an output away.
    ///
    /// # Errors
    /// [`ModelError::Interface`] where there is none of that name.
    pub fn take(&mut self, name: &str) -> Result<Vec<f32>, ModelError> {
        let found = self.0.iter_mut().find(|(it, _)| it == name);
        found
            .map(|(_, values)| std::mem::take(values))
            .ok_or_else(|| ModelError::Interface(name.to_owned()))
    }
}

impl Model {
    pub(crate) fn new(nodes: Vec<Node>, outputs: Vec<(String, usize)>) -> Self {
        let (nodes, outputs) = fused(nodes, outputs);
        let mut last_use: Vec<usize> = (0..nodes.len()).collect();
        for (at, node) in nodes.iter().enumerate() {
            for input in &node.inputs {
                if let Some(last) = last_use.get_mut(*input) {
                    *last = at;
                }
            }
        }
        for (_, value) in &outputs {
            if let Some(last) = last_use.get_mut(*value) {
                *last = usize::MAX;
            }
        }
        Self {
            nodes,
            outputs,
            last_use,
        }
    }

    /// What it takes.
    #[must_use]
    pub fn input(&self) -> Shape {
        self.nodes
            .first()
            .map_or(Shape::new(0, 0, 0), |node| node.shape)
    }

    /// The outputs' names and shapes.
    pub fn outputs(&self) -> impl Iterator<Item = (&str, Shape)> {
        self.outputs
            .iter()
            .filter_map(|(name, at)| Some((name.as_str(), self.nodes.get(*at)?.shape)))
    }

    /// Runs it on one input, rows x columns x channels.
    ///
    /// # Errors
    /// [`ModelError::Interface`] where the input has another length.
    pub fn run(&self, input: Vec<f32>) -> Result<Outputs, ModelError> {
        if input.len() != self.input().len() {
            return Err(ModelError::Interface("input".to_owned()));
        }
        let mut memory = Memory::default();
        let mut values: Vec<Vec<f32>> = Vec::with_capacity(self.nodes.len());
        let mut input = Some(input);
        for (at, node) in self.nodes.iter().enumerate() {
            let mut out = match (&node.op, node.inputs.first()) {
                (Op::Input, _) => input.take().unwrap_or_default(),
                // Nobody needs the original any more: it is changed where it lies.
                (Op::Same, Some(from)) if self.last_use.get(*from) == Some(&at) => values
                    .get_mut(*from)
                    .map(std::mem::take)
                    .unwrap_or_default(),
                _ => memory.take(node.shape.len()),
            };
            let inputs: Vec<(&[f32], Shape)> = node
                .inputs
                .iter()
                .filter_map(|from| {
                    Some((values.get(*from)?.as_slice(), self.nodes.get(*from)?.shape))
                })
                .filter(|(values, _)| !values.is_empty())
                .collect();
            compute(node, &inputs, &mut out, &mut memory.scratch);
            values.push(out);
            for from in &node.inputs {
                if self.last_use.get(*from) == Some(&at)
                    && let Some(value) = values.get_mut(*from)
                {
                    memory.give(std::mem::take(value));
                }
            }
        }
        let taken = self.outputs.iter().map(|(name, at)| {
            let value = values.get(*at).cloned().unwrap_or_default();
            (name.clone(), value)
        });
        Ok(Outputs(taken.collect()))
    }
}

/// Buffers that later values use again.
#[derive(Default)]
struct Memory {
    free: Vec<Vec<f32>>,
    scratch: Scratch,
}

impl Memory {
    fn take(&mut self, length: usize) -> Vec<f32> {
        let fits = self.free.iter().position(|it| it.capacity() >= length);
        let mut buffer = fits.map(|at| self.free.swap_remove(at)).unwrap_or_default();
        buffer.resize(length, 0.0);
        buffer
    }

    fn give(&mut self, buffer: Vec<f32>) {
        if buffer.capacity() > 0 {
            self.free.push(buffer);
        }
    }
}

/// Takes into an operator what is applied to its result alone: factors and terms of channels
/// into the weights, bounds and slopes into the activation.
fn fused(nodes: Vec<Node>, outputs: Vec<(String, usize)>) -> (Vec<Node>, Vec<(String, usize)>) {
    let mut uses = vec![0_usize; nodes.len()];
    let read = nodes.iter().flat_map(|node| node.inputs.iter());
    for value in read.chain(outputs.iter().map(|(_, value)| value)) {
        if let Some(count) = uses.get_mut(*value) {
            *count += 1;
        }
    }
    let mut kept: Vec<Node> = Vec::with_capacity(nodes.len());
    // Where each of the original values is now.
    let mut now: Vec<usize> = Vec::with_capacity(nodes.len());
    for mut node in nodes {
        let only_user = node.inputs.first().and_then(|from| uses.get(*from)) == Some(&1);
        for input in &mut node.inputs {
            *input = now.get(*input).copied().unwrap_or_default();
        }
        let before = node.inputs.first().copied().filter(|_| only_user);
        let before = before.and_then(|at| Some((at, kept.get_mut(at)?)));
        if let Some((at, before)) = before
            && absorb(before, &node)
        {
            now.push(at);
        } else {
            now.push(kept.len());
            kept.push(node);
        }
    }
    let outputs = outputs
        .into_iter()
        .map(|(name, value)| (name, now.get(value).copied().unwrap_or_default()));
    (kept, outputs.collect())
}

/// Whether `node`, the only reader of `before`, could be made part of it.
fn absorb(before: &mut Node, node: &Node) -> bool {
    match &node.op {
        Op::ChannelWise(by) if before.then == Activation::None => channel_wise(&mut before.op, by),
        // The input belongs to the caller and its shape is a promise.
        Op::Same if before.shape == node.shape && !matches!(before.op, Op::Input) => {
            let then = followed(&before.then, &node.then);
            let fits = then.is_some();
            before.then = then.unwrap_or_else(|| before.then.clone());
            fits
        }
        Op::Input
        | Op::Convolution { .. }
        | Op::Depthwise { .. }
        | Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::Add
        | Op::ScaleBy
        | Op::ChannelWise(_)
        | Op::Softmax
        | Op::Pad(_)
        | Op::Concatenate
        | Op::Same
        | Op::Mean
        | Op::Resize
        | Op::Enlarge { .. } => false,
    }
}

fn channel_wise(op: &mut Op, by: &ChannelWise) -> bool {
    let (Op::Convolution { weights, bias, .. } | Op::Depthwise { weights, bias, .. }) = op else {
        return false;
    };
    match by {
        ChannelWise::Add(terms) => {
            for (bias, term) in bias.iter_mut().zip(terms) {
                *bias += term;
            }
        }
        // In both layouts the channel that is written varies fastest.
        ChannelWise::Multiply(factors) => {
            for row in weights.chunks_exact_mut(factors.len()) {
                for (weight, factor) in row.iter_mut().zip(factors) {
                    *weight *= factor;
                }
            }
            for (bias, factor) in bias.iter_mut().zip(factors) {
                *bias *= factor;
            }
        }
    }
    true
}

/// One activation after another as one, where there is such a one.
fn followed(first: &Activation, second: &Activation) -> Option<Activation> {
    match (first, second) {
        (only, Activation::None) | (Activation::None, only) => Some(only.clone()),
        (Activation::Clamp(low, high), Activation::Clamp(above, below)) => Some(Activation::Clamp(
            low.max(*above).min(*below),
            high.max(*above).min(*below),
        )),
        _ => None,
    }
}
