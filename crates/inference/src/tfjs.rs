//! Graph models of TensorFlow.js: `model.json` and the bytes of its weights.
//!
//! Read strictly: an operator, attribute or form of one that is not known here is refused, and
//! only what the wanted outputs need is looked at.

mod file;
mod operators;

use std::collections::HashMap;

use crate::form::ModelError;
use crate::graph::{Builder, Value};
use crate::model::Model;
use crate::weights::Weights;
use file::{File, Node};

pub use file::entries;

/// Reads the model and keeps what the wanted outputs, by their names in its signature, need.
/// `weights` are the bytes of all shards, one after the other.
///
/// # Errors
/// [`ModelError`]
pub fn read(json: &[u8], weights: &[u8], wanted: &[&str]) -> Result<Model, ModelError> {
    let file = File::parse(json)?;
    let weights = Weights::read(&file.entries(), weights)?;
    let nodes = file.nodes()?;
    let mut found = Vec::new();
    for name in wanted {
        let target = file.output(name);
        let target = target.ok_or_else(|| ModelError::Interface((*name).to_owned()))?;
        found.push(((*name).to_owned(), plain(target)));
    }
    let ends: Vec<&str> = found.iter().map(|(_, target)| *target).collect();
    let mut reading = Reading {
        weights,
        builder: Builder::default(),
        values: HashMap::new(),
    };
    for node in in_order(&nodes, &ends)? {
        if node.op == "Const" {
            continue;
        }
        let value = reading.operator(node).map_err(|error| at(node, error))?;
        reading.values.insert(node.name.as_str(), value);
    }
    let mut outputs = Vec::new();
    for (name, target) in &found {
        outputs.push((name.clone(), reading.value(target)?));
    }
    reading.builder.finish(outputs)
}

/// What has been read so far.
struct Reading<'a> {
    weights: Weights,
    builder: Builder,
    values: HashMap<&'a str, Value>,
}

impl Reading<'_> {
    fn value(&self, name: &str) -> Result<Value, ModelError> {
        let found = self.values.get(name).copied();
        found.ok_or_else(|| ModelError::Malformed(format!("{name} is no value")))
    }
}

/// A name without the number of its output, which is always the first here.
fn plain(name: &str) -> &str {
    name.strip_suffix(":0").unwrap_or(name)
}

fn at(node: &Node, error: ModelError) -> ModelError {
    match error {
        ModelError::Shape(what) => {
            ModelError::Malformed(format!("{} ({}): {what}", node.name, node.op))
        }
        ModelError::Malformed(_)
        | ModelError::Unsupported(_)
        | ModelError::TooLarge(_)
        | ModelError::Weights(_)
        | ModelError::Interface(_) => error,
    }
}

/// The nodes that the ends need, each after those that it needs.
fn in_order<'a>(
    nodes: &HashMap<&'a str, &'a Node>,
    ends: &[&'a str],
) -> Result<Vec<&'a Node>, ModelError> {
    let mut order = Vec::new();
    // Begun: false; done: true.
    let mut state: HashMap<&str, bool> = HashMap::new();
    let mut stack: Vec<(&str, bool)> = ends.iter().map(|name| (*name, false)).collect();
    while let Some((name, inputs_done)) = stack.pop() {
        let node = nodes.get(name).copied();
        let node = node.ok_or_else(|| ModelError::Malformed(format!("no node {name}")))?;
        if inputs_done {
            state.insert(name, true);
            order.push(node);
            continue;
        }
        match state.get(name) {
            Some(true) => continue,
            Some(false) => return Err(ModelError::Malformed(format!("{name} needs itself"))),
            None => {}
        }
        state.insert(name, false);
        stack.push((name, true));
        for input in node.inputs() {
            if state.get(input) != Some(&true) {
                stack.push((input, false));
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests;
