//! Figures of interleaved rounds and their medians.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write as _};
use std::{fmt, fs};

/// Why nothing could be measured.
#[derive(Debug)]
pub(crate) struct Failed(String);

impl Failed {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// It is no `Error` itself: then it could not be made of every other one.
impl<E: Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Times in milliseconds, ours and the peer's.
#[derive(Debug, Default)]
pub(crate) struct Rounds(BTreeMap<(String, bool), Vec<f64>>);

impl Rounds {
    pub(crate) fn add(&mut self, name: &str, took: f64) {
        self.0
            .entry((name.to_owned(), false))
            .or_default()
            .push(took);
    }

    pub(crate) fn add_of_peer(&mut self, name: &str, took: f64) {
        self.0
            .entry((name.to_owned(), true))
            .or_default()
            .push(took);
    }

    fn median(&self, name: &str, of_peer: bool) -> Option<f64> {
        let mut values = self.0.get(&(name.to_owned(), of_peer))?.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// A ratio above one says that ours took less time than the peer.
    pub(crate) fn tell(&self, name: &str, unit: &str) -> Result<(), Failed> {
        let Some(ours) = self.median(name, false) else {
            return absent(name, "it was not reached");
        };
        match self.median(name, true) {
            Some(peer) => line(&format!(
                "{name}  {ours:.1}  {unit}  {:.2}  tfjs-wasm",
                peer / ours
            )),
            None => tell(name, &format!("{ours:.1}"), unit),
        }
    }
}

/// A figure without a peer.
pub(crate) fn tell(name: &str, value: &str, unit: &str) -> Result<(), Failed> {
    line(&format!("{name}  {value}  {unit}  -  -"))
}

/// Why there is no figure.
pub(crate) fn absent(name: &str, reason: &str) -> Result<(), Failed> {
    line(&format!("{name} absent {reason}"))
}

/// What figures rest on, apart from them.
pub(crate) fn note(text: &str) {
    // Nowhere to tell it is no reason to measure nothing.
    writeln!(io::stderr().lock(), "{text}").ok();
}

/// Milliseconds of this thread's processor time that the work took.
pub(crate) fn processor_ms(work: impl FnOnce() -> Result<(), Failed>) -> Result<f64, Failed> {
    let began = thread_ms()?;
    work()?;
    Ok(thread_ms()? - began)
}

fn thread_ms() -> Result<f64, Failed> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: u64 = text.split_whitespace().next().unwrap_or_default().parse()?;
    let micros = u32::try_from(nanos / 1000)?;
    Ok(f64::from(micros) / 1000.0)
}

pub(crate) fn line(text: &str) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}
