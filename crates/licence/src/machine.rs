//! What the state machines have in common: stages, events, refusals and the diagrams.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::application::Application;
use crate::binding::Binding;
use crate::e_licence::ELicence;
use crate::message::Text;
use crate::sanction::Sanction;

/// A state machine whose states carry only what exists then.
pub trait Machine: Clone + Sized {
    /// What can happen to it.
    type Event: Clone;
    /// The machine's name in the diagrams.
    const NAME: Text;

    /// The next state.
    ///
    /// # Errors
    /// A refusal that says why the event is not possible in this state.
    fn apply(self, event: Self::Event) -> Result<Self, Refusal>;

    /// The stable name of the state, as in SQL.
    fn stage_name(&self) -> &'static str;

    /// The stable name of an event.
    fn event_name(event: &Self::Event) -> &'static str;

    /// One state or more of every stage, so that together every transition can be seen.
    fn sample_states() -> Vec<Self>;

    /// One event or more of every kind, likewise.
    fn sample_events() -> Vec<Self::Event>;

    /// The stages in which it begins.
    fn initial_stages() -> &'static [&'static str];
}

/// Why an event is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct Refusal {
    /// The stable code, e.g. `same-officer`.
    pub code: &'static str,
    /// The text for people.
    pub text: Text,
}

/// An event that does not belong to the state.
pub(crate) const NOT_NOW: Refusal = Refusal {
    code: "not-in-this-state",
    text: Text {
        zh: "当前状态下不能进行此操作",
        en: "This is not possible in the present state",
    },
};

/// Who decided or submitted something, by the stable id of the account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OfficerId(pub String);

/// A transition: stage, event, next stage.
pub type Edge = (&'static str, &'static str, &'static str);

/// Every transition that a machine makes, found by trying every event in every state.
#[must_use]
pub fn transitions<M: Machine>() -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    for state in M::sample_states() {
        for event in M::sample_events() {
            if let Ok(next) = state.clone().apply(event.clone()) {
                edges.insert((state.stage_name(), M::event_name(&event), next.stage_name()));
            }
        }
    }
    edges
}

/// The state machines as a Markdown page with Mermaid diagrams (`docs/state-machines.md`).
#[must_use]
pub fn diagrams() -> String {
    let mut page = String::from(
        "# State machines\n\n\
         Generated from the `licence` crate by `cargo xtask generate`: every event is tried in every state, \
         and the transitions that are made are drawn. Every other pair of state and event is refused.\n",
    );
    page.push_str(&diagram::<Application>());
    page.push_str(&diagram::<ELicence>());
    page.push_str(&diagram::<Binding>());
    page.push_str(&diagram::<Sanction>());
    page
}

fn diagram<M: Machine>() -> String {
    // Hyphens are arrows to Mermaid.
    let id = |stage: &str| stage.replace('-', "_");
    let edges = transitions::<M>();
    let mut lines = vec!["stateDiagram-v2".to_owned()];
    for stage in M::initial_stages() {
        lines.push(format!("    [*] --> {}", id(stage)));
    }
    for (from, event, to) in &edges {
        lines.push(format!("    {} --> {}: {event}", id(from), id(to)));
    }
    let left: BTreeSet<&str> = edges.iter().map(|(from, ..)| *from).collect();
    let reached: BTreeSet<&str> = edges.iter().map(|(.., to)| *to).collect();
    for last in reached.difference(&left) {
        lines.push(format!("    {} --> [*]", id(last)));
    }
    let Text { zh, en } = M::NAME;
    format!(
        "\n## {en} ({zh})\n\n```mermaid\n{}\n```\n",
        lines.join("\n")
    )
}
