//! The demonstration's phones: texts to people who do not exist are shown to whoever runs it.

use std::{
    collections::VecDeque,
    future::Future,
    io::{self, Write as _},
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use authority::notify::{NotSent, Notifier, Sent, Text};

/// Texts that are kept.
const KEPT: usize = 100;

/// Prints each text on standard error and keeps the last ones.
#[derive(Default)]
pub struct DemoTexts {
    last: Mutex<VecDeque<(String, String)>>,
}

impl DemoTexts {
    /// The last text to a phone number, in Chinese.
    #[must_use]
    pub fn last_to(&self, phone: &str) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = last.iter().rev().find(|(to, _)| to == phone);
        newest.map(|(_, text)| text.clone())
    }

    fn keep(&self, text: &Text) -> Result<Sent, NotSent> {
        let (to, kind) = (text.to.as_str(), text.kind.as_str());
        let line = format!("text  {to}  {kind}  {}", *text.zh);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if writeln!(io::stderr().lock(), "{line}").is_err() {
            return Err(NotSent::Later("unreachable"));
        }
        if last.len() >= KEPT {
            last.pop_front();
        }
        last.push_back((to.to_owned(), text.zh.to_string()));
        Ok(Sent {
            reference: None,
            delivered: true,
        })
    }
}

impl Notifier for DemoTexts {
    fn send<'a>(
        &'a self,
        text: &'a Text,
    ) -> Pin<Box<dyn Future<Output = Result<Sent, NotSent>> + Send + 'a>> {
        Box::pin(async { self.keep(text) })
    }
}

impl std::fmt::Debug for DemoTexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DemoTexts(..)")
    }
}
