//! A carrier of pushes that keeps what it is given, and fails when a test says so.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use authority::{
    notify::{NotSent, Sent},
    push::{Push, PushService, Urgency},
};
use serde_json::Value;

/// Where the browsers of tests are reached.
pub const ENDPOINT: &str = "https://push.example/";

/// A push as it reached the carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Its identifier.
    pub id: String,
    /// The address.
    pub endpoint: String,
    /// What it says.
    pub payload: Value,
    /// For how many seconds it is kept.
    pub ttl: u32,
    /// Whether it wakes a device.
    pub urgency: Urgency,
    /// What it takes the place of.
    pub topic: Option<String>,
}

/// Keeps every push, and answers as it was told, or that it took it. It takes addresses that begin
/// with [`ENDPOINT`].
#[derive(Debug, Default)]
pub struct RecordingPush {
    pushed: Mutex<Vec<Pushed>>,
    answers: Mutex<VecDeque<Result<Sent, NotSent>>>,
}

impl RecordingPush {
    /// What reached it so far, in order of the addresses.
    #[must_use]
    pub fn pushed(&self) -> Vec<Pushed> {
        let pushed = self.pushed.lock();
        let mut pushed = pushed.unwrap_or_else(PoisonError::into_inner).clone();
        pushed.sort_by(|one, other| one.endpoint.cmp(&other.endpoint));
        pushed
    }

    /// The kinds of what reached an address, in order.
    #[must_use]
    pub fn kinds(&self, endpoint: &str) -> Vec<String> {
        let pushed = self.pushed().into_iter();
        pushed
            .filter(|push| push.endpoint == endpoint)
            .filter_map(|push| push.payload["kind"].as_str().map(str::to_owned))
            .collect()
    }

    /// What it answers next, after what it was told before.
    pub fn answers(&self, answer: Result<Sent, NotSent>) {
        let answers = self.answers.lock();
        answers
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(answer);
    }

    fn take(&self, push: &Push) -> Result<Sent, NotSent> {
        let mut pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
        pushed.push(Pushed {
            id: push.id.to_string(),
            endpoint: push.target.endpoint.to_string(),
            payload: serde_json::from_slice(&push.payload).unwrap_or_default(),
            ttl: push.ttl,
            urgency: push.urgency,
            topic: push.topic.clone(),
        });
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.pop_front().unwrap_or(Ok(Sent {
            reference: None,
            delivered: false,
        }))
    }
}

impl PushService for RecordingPush {
    fn takes(&self, endpoint: &str) -> bool {
        endpoint.starts_with(ENDPOINT)
    }

    fn send<'a>(
        &'a self,
        push: &'a Push,
    ) -> Pin<Box<dyn Future<Output = Result<Sent, NotSent>> + Send + 'a>> {
        Box::pin(async { self.take(push) })
    }
}
