//! Figures: samples of interleaved rounds, their medians, and how they are told.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt, fs,
    io::{self, Write as _},
    time::Duration,
};

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

/// What each competitor reached in each round.
#[derive(Debug, Default)]
pub(crate) struct Rounds(BTreeMap<String, Vec<f64>>);

impl Rounds {
    pub(crate) fn add(&mut self, name: &str, value: f64) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    pub(crate) fn median(&self, name: &str) -> Option<f64> {
        let mut values = self.0.get(name)?.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// The means of these, in place of their medians: for shares, where every sample is all or nothing.
    pub(crate) fn means(&self, names: &[&str]) -> Self {
        let mut means = Self::default();
        for name in names {
            if let Some(values) = self.0.get(*name) {
                let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
                means.add(name, values.iter().sum::<f64>() / f64::from(count.max(1)));
            }
        }
        means
    }

    /// Tells a figure: one line for each peer, or one with `-` where there is none.
    pub(crate) fn tell(&self, name: &str, unit: &str, peers: &[&str]) -> Result<(), Failed> {
        self.tell_as(name, name, unit, peers)
    }

    /// The same under another name than it has among the rounds. What follows a slash in a peer's
    /// name says which of its figures is meant.
    pub(crate) fn tell_as(
        &self,
        shown: &str,
        name: &str,
        unit: &str,
        peers: &[&str],
    ) -> Result<(), Failed> {
        let Some(value) = self.median(name) else {
            return absent(shown, "it was not reached");
        };
        if peers.is_empty() {
            return line(&format!("{shown}  {}  {unit}  -  -", rounded(value)));
        }
        for peer in peers {
            let beside = match self.median(peer) {
                Some(of_peer) if of_peer > 0.0 => ratio(value / of_peer),
                Some(_) | None => "-".to_owned(),
            };
            let peer = peer.split('/').next().unwrap_or_default();
            line(&format!(
                "{shown}  {}  {unit}  {beside}  {peer}",
                rounded(value)
            ))?;
        }
        Ok(())
    }
}

/// Tells why there is no figure.
pub(crate) fn absent(name: &str, reason: &str) -> Result<(), Failed> {
    line(&format!("{name} absent {reason}"))
}

/// Tells what figures rest on, apart from them.
pub(crate) fn note(text: &str) {
    // Nowhere to tell it is no reason to measure nothing.
    writeln!(io::stderr().lock(), "{text}").ok();
}

/// So many in such a time, a second.
pub(crate) fn rate(count: u64, took: Duration) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    f64::from(count) / took.as_secs_f64().max(f64::EPSILON)
}

/// How often `work` is done in a second of this thread's own processor time: what others do on the
/// machine meanwhile counts as little as it can.
pub(crate) fn per_core_second(
    at_least: Duration,
    mut work: impl FnMut() -> bool,
) -> Result<f64, Failed> {
    repeated(at_least, 16, &mut work)
}

/// [`per_core_second`] for work that takes long: the clock is read after each.
pub(crate) fn rate_of(at_least: Duration, mut work: impl FnMut() -> bool) -> Result<f64, Failed> {
    repeated(at_least, 1, &mut work)
}

fn repeated(
    at_least: Duration,
    between: u64,
    work: &mut dyn FnMut() -> bool,
) -> Result<f64, Failed> {
    let started = thread_time()?;
    let mut count = 0_u64;
    loop {
        for _ in 0..between {
            if !work() {
                return Err(Failed::new("what is measured does not work"));
            }
        }
        count = count.saturating_add(between);
        let took = thread_time()?.saturating_sub(started);
        if took >= at_least {
            return Ok(rate(count, took));
        }
    }
}

/// Processor time of all threads of this process so far, in steps of 10 ms.
pub(crate) fn process_time() -> Result<Duration, Failed> {
    times(11)
}

/// The same of the processes that this one has waited for.
pub(crate) fn children_time() -> Result<Duration, Failed> {
    times(13)
}

/// The sum of two times of the process, which stand behind so many fields after its name.
fn times(skipped: usize) -> Result<Duration, Failed> {
    let text = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses; user and system time are the 14th and the 15th, those
    // of children the 16th and the 17th.
    let fields = text.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(skipped).take(2);
    let ticks: Vec<u64> = ticks.map(str::parse).collect::<Result<_, _>>()?;
    Ok(Duration::from_millis(
        ticks.iter().sum::<u64>().saturating_mul(10),
    ))
}

fn thread_time() -> Result<Duration, Failed> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().unwrap_or_default();
    Ok(Duration::from_nanos(nanos.parse()?))
}

fn rounded(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

fn ratio(ratio: f64) -> String {
    if ratio >= 0.1 {
        format!("{ratio:.2}")
    } else {
        format!("{ratio:.4}")
    }
}

fn line(text: &str) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}
