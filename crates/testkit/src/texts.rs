//! A carrier of texts that keeps what it is given, and fails when a test says so.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use authority::notify::{NotSent, Notifier, Sent, Text};

/// A text as it reached the carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Its identifier.
    pub id: String,
    /// The stable name of what it says.
    pub kind: String,
    /// The phone number.
    pub to: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// Keeps every text, and answers as it was told, or that it took it.
#[derive(Debug, Default)]
pub struct RecordingNotifier {
    carried: Mutex<Vec<Carried>>,
    answers: Mutex<VecDeque<Result<Sent, NotSent>>>,
}

impl RecordingNotifier {
    /// What reached it so far, in order.
    #[must_use]
    pub fn carried(&self) -> Vec<Carried> {
        let carried = self.carried.lock();
        carried.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What reached it for a phone number, in order.
    #[must_use]
    pub fn to(&self, phone: &str) -> Vec<Carried> {
        let mut all = self.carried();
        all.retain(|text| text.to == phone);
        all
    }

    /// What it answers next, after what it was told before.
    pub fn answers(&self, answer: Result<Sent, NotSent>) {
        let answers = self.answers.lock();
        answers
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(answer);
    }

    fn take(&self, text: &Text) -> Result<Sent, NotSent> {
        let mut carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
        carried.push(Carried {
            id: text.id.to_string(),
            kind: text.kind.as_str().to_owned(),
            to: text.to.to_string(),
            zh: text.zh.to_string(),
            en: text.en.to_string(),
        });
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.pop_front().unwrap_or(Ok(Sent {
            reference: None,
            delivered: false,
        }))
    }
}

impl Notifier for RecordingNotifier {
    fn send<'a>(
        &'a self,
        text: &'a Text,
    ) -> Pin<Box<dyn Future<Output = Result<Sent, NotSent>> + Send + 'a>> {
        Box::pin(async { self.take(text) })
    }
}
