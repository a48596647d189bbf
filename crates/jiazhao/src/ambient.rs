//! The clock and the randomness of the machine: the only place that reads either.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use authority::{Act, Actor};
use jiff::{SignedDuration, Timestamp};
use rand::{
    Rng, SeedableRng, TryRng,
    rngs::{StdRng, SysRng},
};
use service::{Clock, Entropy};

use crate::failure::Failure;

/// A clock that never goes back while the process runs.
///
/// A clock that is set back would let codes, sessions and leases live again, and order acts wrongly.
/// When what it reads jumps back, it goes on from where it was, at the pace of a counter that nobody
/// can set; the clock that was read counts again when it has come that far. A clock set *forward* is
/// believed: nothing tells that it is wrong.
pub struct SteadyClock<W, E> {
    /// The clock that can be set.
    wall: W,
    /// Time since some fixed instant, from a counter that cannot.
    elapsed: E,
    held: Mutex<Held>,
}

#[derive(Clone, Copy)]
struct Held {
    at: Timestamp,
    since: Duration,
    behind: bool,
}

/// Behind by less is no more than what two readings differ by.
const NOTABLE: SignedDuration = SignedDuration::from_secs(1);

/// The machine's clock.
pub type SystemClock = SteadyClock<fn() -> Timestamp, Box<dyn Fn() -> Duration + Send + Sync>>;

impl SystemClock {
    /// Begins at the machine's time.
    #[must_use]
    pub fn of_the_machine() -> Self {
        let start = Instant::now();
        Self::new(machine_time, Box::new(move || start.elapsed()))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where time enters: everything below takes it as an argument"
)]
fn machine_time() -> Timestamp {
    Timestamp::now()
}

impl<W, E> SteadyClock<W, E>
where
    W: Fn() -> Timestamp,
    E: Fn() -> Duration,
{
    /// A clock that reads `wall`, and `elapsed` where that jumps back.
    pub fn new(wall: W, elapsed: E) -> Self {
        let held = Held {
            at: wall(),
            since: elapsed(),
            behind: false,
        };
        Self {
            wall,
            elapsed,
            held: Mutex::new(held),
        }
    }

    /// Never tells an instant before `floor` from now on.
    pub fn raise(&self, floor: Timestamp) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.at = held.at.max(floor);
    }

    fn read(&self) -> Timestamp {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, elapsed) = ((self.wall)(), (self.elapsed)());
        let gone = SignedDuration::try_from(elapsed.saturating_sub(held.since));
        let at_least = gone.map_or(held.at, |gone| {
            held.at.saturating_add(gone).unwrap_or(held.at)
        });
        let behind = at_least.duration_since(wall) > NOTABLE;
        if behind && !held.behind {
            tracing::warn!(clock = %wall, held = %at_least, "the clock was set back; time goes on from where it was");
        }
        let now = wall.max(at_least);
        // In microseconds, as the store keeps them: what is answered at once and what is read back
        // later are then the same.
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        *held = Held {
            at: now,
            since: elapsed,
            behind,
        };
        now
    }
}

impl<W, E> fmt::Debug for SteadyClock<W, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SteadyClock(..)")
    }
}

impl<W, E> Clock for SteadyClock<W, E>
where
    W: Fn() -> Timestamp + Send + Sync + 'static,
    E: Fn() -> Duration + Send + Sync + 'static,
{
    fn now(&self) -> Timestamp {
        self.read()
    }
}

/// The machine's randomness.
#[derive(Debug)]
pub struct SystemEntropy {
    chain: Mutex<StdRng>,
}

impl SystemEntropy {
    /// Takes the first seed.
    ///
    /// # Errors
    /// When the machine gives no randomness: nothing may then be signed or handed out.
    pub fn open() -> Result<Self, Failure> {
        match StdRng::try_from_rng(&mut SysRng) {
            Ok(first) => Ok(Self {
                chain: Mutex::new(first),
            }),
            Err(error) => Err(Failure::new(
                "no-randomness",
                "系统随机数不可用",
                "The machine gives no randomness",
            )
            .about(error)),
        }
    }
}

impl Entropy for SystemEntropy {
    /// A generator of its own for each act: the machine's fresh bytes mixed with a chain that was
    /// seeded at start, so that neither a failing source nor a copied process alone repeats one.
    fn rng(&self) -> StdRng {
        let mut seed = [0_u8; 32];
        self.chain
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(&mut seed);
        let mut fresh = [0_u8; 32];
        if SysRng.try_fill_bytes(&mut fresh).is_ok() {
            for (byte, other) in seed.iter_mut().zip(fresh) {
                *byte ^= other;
            }
        }
        StdRng::from_seed(seed)
    }
}

/// An act of the system itself or of its operator's command line, `name`.
pub fn system_act(clock: &dyn Clock, entropy: &dyn Entropy, name: &'static str) -> Act {
    Act {
        actor: Actor::System(name),
        now: clock.now(),
        request: name.to_owned(),
        source: None,
        rng: entropy.rng(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SC-43, R11: with a clock that leaps back, a code of sixty seconds lives sixty seconds.
    #[test]
    fn a_clock_set_back_by_an_hour_or_two_days_does_not_go_back() {
        use testkit::clock::{TestClock, at};
        let wall = TestClock::new(at("2024-09-02T04:00:00Z"));
        let counter = TestClock::new(Timestamp::UNIX_EPOCH);
        let (reads, counts) = (wall.clone(), counter.clone());
        let clock = SteadyClock::new(
            move || reads.now(),
            move || Duration::try_from(counts.now().as_duration()).unwrap(),
        );
        let tick = |seconds: i64| {
            wall.advance(SignedDuration::from_secs(seconds));
            counter.advance(SignedDuration::from_secs(seconds));
        };
        tick(10);
        assert_eq!(clock.now(), at("2024-09-02T04:00:10Z"));
        for back in [
            SignedDuration::from_hours(1),
            SignedDuration::from_hours(48),
        ] {
            let before = clock.now();
            wall.advance(-back);
            assert_eq!(clock.now(), before);
            tick(60);
            assert_eq!(clock.now(), before + SignedDuration::from_secs(60));
        }
        // Set right again, it counts from there.
        wall.set(at("2024-09-02T05:00:00Z"));
        assert_eq!(clock.now(), at("2024-09-02T05:00:00Z"));
        clock.raise(at("2024-09-02T05:00:30Z"));
        assert_eq!(clock.now(), at("2024-09-02T05:00:30Z"));
        tick(31);
        assert_eq!(clock.now(), at("2024-09-02T05:01:01Z"));
    }

    #[test]
    fn every_act_has_its_own_randomness() {
        let entropy = SystemEntropy::open().unwrap();
        assert_ne!(entropy.rng().next_u64(), entropy.rng().next_u64());
    }
}
