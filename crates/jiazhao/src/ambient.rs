//! The clock and the randomness of the machine: the only place that reads either.

use std::sync::{Mutex, PoisonError};

use authority::{Act, Actor};
use jiff::Timestamp;
use rand::{
    Rng, SeedableRng, TryRng,
    rngs::{StdRng, SysRng},
};
use service::{Clock, Entropy};

use crate::failure::Failure;

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where time enters: everything below takes it as an argument"
    )]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        // In microseconds, as the store keeps them: what is answered at once and what is read back
        // later are then the same.
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
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

    #[test]
    fn every_act_has_its_own_randomness() {
        let entropy = SystemEntropy::open().unwrap();
        assert_ne!(entropy.rng().next_u64(), entropy.rng().next_u64());
    }
}
