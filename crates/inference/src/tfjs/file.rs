//! The structure of `model.json`.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::form::{MAX_OPERATORS, ModelError};
use crate::weights::WeightEntry;

/// Longest `model.json` that is read.
const MAX_JSON: usize = 8 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    model_topology: Topology,
    weights_manifest: Vec<Group>,
    signature: Option<Signature>,
    user_defined_metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
struct Topology {
    node: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Group {
    weights: Vec<WeightEntry>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    signature: Option<Signature>,
}

#[derive(Debug, Deserialize)]
struct Signature {
    outputs: HashMap<String, Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

/// One node of the graph.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) op: String,
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    attr: HashMap<String, Json>,
}

/// The entries of a manifest that stands alone, as some packages have it.
///
/// # Errors
/// [`ModelError`]
pub fn entries(json: &[u8]) -> Result<Vec<WeightEntry>, ModelError> {
    let groups: Vec<Group> = parse(json)?;
    Ok(groups.into_iter().flat_map(|it| it.weights).collect())
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ModelError> {
    if json.len() > MAX_JSON {
        return Err(ModelError::TooLarge("the description"));
    }
    serde_json::from_slice(json).map_err(|error| ModelError::Malformed(error.to_string()))
}

impl File {
    pub(super) fn parse(json: &[u8]) -> Result<Self, ModelError> {
        parse(json)
    }

    pub(super) fn entries(&self) -> Vec<WeightEntry> {
        let groups = self.weights_manifest.iter();
        groups.flat_map(|it| it.weights.iter().cloned()).collect()
    }

    pub(super) fn nodes(&self) -> Result<HashMap<&str, &Node>, ModelError> {
        if self.model_topology.node.len() > MAX_OPERATORS {
            return Err(ModelError::TooLarge("operators"));
        }
        let mut nodes = HashMap::new();
        for node in &self.model_topology.node {
            if nodes.insert(node.name.as_str(), node).is_some() {
                return Err(ModelError::Malformed(format!("{} twice", node.name)));
            }
        }
        Ok(nodes)
    }

    /// What an output of the signature is called in the graph.
    pub(super) fn output(&self, name: &str) -> Option<&str> {
        let inner = self.user_defined_metadata.as_ref();
        let signatures = [
            self.signature.as_ref(),
            inner.and_then(|it| it.signature.as_ref()),
        ];
        let mut outputs = signatures.into_iter().flatten().map(|it| &it.outputs);
        outputs
            .find_map(|it| it.get(name))
            .map(|it| it.name.as_str())
    }
}

impl Node {
    /// The nodes whose values it takes; those that only must come before it have a `^`.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &str> {
        let inputs = self.input.iter().filter(|name| !name.starts_with('^'));
        inputs.map(|name| super::plain(name))
    }

    pub(super) fn input(&self, at: usize) -> Result<&str, ModelError> {
        let found = self.inputs().nth(at);
        found.ok_or_else(|| ModelError::Malformed(format!("{} lacks an input", self.name)))
    }

    /// A list of whole numbers, which JSON has as text; `None` where there is none.
    pub(super) fn numbers(&self, name: &str) -> Option<Vec<i64>> {
        let list = self.attr.get(name)?.get("list")?.get("i")?.as_array()?;
        list.iter().map(whole).collect()
    }

    /// A text, which JSON has in base64.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        decoded(self.attr.get(name)?.get("s")?)
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let list = self.attr.get(name)?.get("list")?.get("s")?.as_array()?;
        list.iter().map(decoded).collect()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        let value = self.attr.get(name).and_then(|it| it.get("b"));
        value.and_then(Json::as_bool).unwrap_or(false)
    }

    /// The shape of an input, its batch left out.
    pub(super) fn shape(&self) -> Option<Vec<i64>> {
        let shape = self.attr.get("shape")?.get("shape")?.get("dim")?;
        let sides = shape.as_array()?.iter();
        let sides: Option<Vec<i64>> = sides.map(|side| whole(side.get("size")?)).collect();
        sides.and_then(|it| it.split_first().map(|(_, rest)| rest.to_vec()))
    }
}

fn whole(value: &Json) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn decoded(value: &Json) -> Option<String> {
    let bytes = STANDARD.decode(value.as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}
