//! Limits on guessing. They count by where a request comes from or by who is signed in, never by
//! whom it is about: nobody can lock a driver out by trying.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference as _},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::keyed::HashMapStateStore,
};
use jiff::Timestamp;
use storage::DeviceId;

use crate::{Act, Error, refusal};

/// Sign-ins from one source: ten at once (an office behind one address), then one in 6 s. At that
/// rate a list of a million stolen passwords takes ten weeks from one address.
const SIGN_INS: (u32, Duration) = (10, Duration::from_secs(6));
/// Tries at one account of staff from one source: five at once, then one in 30 s. Others' tries
/// come from other sources, so that they never keep an officer out.
const STAFF_SIGN_INS: (u32, Duration) = (5, Duration::from_secs(30));
/// Passwords and codes that a session of staff gives again: five at once, then one a minute. A
/// stolen session does not become a place to guess the password at.
const PROOFS: (u32, Duration) = (5, Duration::from_mins(1));
/// Activations from one source: five at once, then one a minute. A code stands for five tries only.
const ACTIVATIONS: (u32, Duration) = (5, Duration::from_mins(1));
/// Sign-ins and changes of the password on one device, wherever from: ten at once, then one in 30 s.
/// Only whoever has a device's secret is counted here: a thief who tries passwords on a stolen one.
const ON_A_DEVICE: (u32, Duration) = (10, Duration::from_secs(30));
/// Codes by phone asked for from one source: five at once, then one a minute. What one driver's phone
/// gets is limited apart from it, whoever asks.
const PHONE_CODES: (u32, Duration) = (5, Duration::from_mins(1));
/// Person checks for an activation begun from one source: five at once, then one a minute. How many
/// there are of one driver is limited apart from it, whoever begins them.
const ACTIVATION_CHECKS: (u32, Duration) = (5, Duration::from_mins(1));
/// Links to freeze an account from one source. A link is 256 random bits; this keeps the work small.
const FREEZE_LINKS: (u32, Duration) = (10, Duration::from_secs(6));
/// Bindings begun on one device: ten at once, then one in 30 s. Each leaves a row behind.
const BINDINGS: (u32, Duration) = (10, Duration::from_secs(30));
/// Codes that did not work, by one verifier: ten at once, then one in 6 s. With a million living
/// codes of 10^15 a guess then hits once in thousands of years.
const BAD_CODES: (u32, Duration) = (10, Duration::from_secs(6));
/// Photos judged for one driver: ten at once, then one in 6 s. Each takes a core for a tenth of a
/// second and more.
const ASSESSMENTS: (u32, Duration) = (10, Duration::from_secs(6));
/// Person checks begun on one device: five at once, then one in 2 min. How many may fail for one
/// person stands in `applying`; these keep one device from trying many persons.
const CHECKS_ON_A_DEVICE: (u32, Duration) = (5, Duration::from_mins(2));
/// Person checks begun from one source: twenty at once (a family, an office), then one in 20 s.
const CHECKS_FROM_A_SOURCE: (u32, Duration) = (20, Duration::from_secs(20));
/// Keys kept before those that have recovered are forgotten.
const KEPT: usize = 100_000;

/// The clock of the limits is the act's: tests set it, and nothing here reads another.
#[derive(Clone, Debug, Default)]
struct ActClock(Arc<AtomicU64>);

impl Clock for ActClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}

type Keyed = RateLimiter<String, HashMapStateStore<String>, ActClock, NoOpMiddleware<Nanos>>;

#[derive(Debug)]
struct Limit {
    limiter: Keyed,
    clock: ActClock,
}

/// The limits of one node.
#[derive(Debug)]
pub(crate) struct Limits {
    sign_ins: Limit,
    staff_sign_ins: Limit,
    proofs: Limit,
    activations: Limit,
    devices: Limit,
    phone_codes: Limit,
    activation_checks: Limit,
    freeze_links: Limit,
    bindings: Limit,
    bad_codes: Limit,
    assessments: Limit,
    checks_on_a_device: Limit,
    checks_from_a_source: Limit,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            sign_ins: Limit::new(SIGN_INS),
            staff_sign_ins: Limit::new(STAFF_SIGN_INS),
            proofs: Limit::new(PROOFS),
            activations: Limit::new(ACTIVATIONS),
            devices: Limit::new(ON_A_DEVICE),
            phone_codes: Limit::new(PHONE_CODES),
            activation_checks: Limit::new(ACTIVATION_CHECKS),
            freeze_links: Limit::new(FREEZE_LINKS),
            bindings: Limit::new(BINDINGS),
            bad_codes: Limit::new(BAD_CODES),
            assessments: Limit::new(ASSESSMENTS),
            checks_on_a_device: Limit::new(CHECKS_ON_A_DEVICE),
            checks_from_a_source: Limit::new(CHECKS_FROM_A_SOURCE),
        }
    }

    /// Counts a sign-in.
    pub(crate) fn sign_in(&self, act: &Act) -> Result<(), Error> {
        self.sign_ins.count(&source(act), act.now)
    }

    /// Counts a try at an account of staff.
    pub(crate) fn staff_sign_in(&self, act: &Act, login: &str) -> Result<(), Error> {
        // No login is longer; a longer text must not fill the memory.
        let login = Some(login).filter(|login| login.len() <= 64).unwrap_or("-");
        let key = format!("{} {login}", source(act));
        self.staff_sign_ins.count(&key, act.now)
    }

    /// Counts a password or code that a session gives again.
    pub(crate) fn proof(&self, act: &Act) -> Result<(), Error> {
        self.proofs.count(&act.actor_id(), act.now)
    }

    /// Counts an activation.
    pub(crate) fn activation(&self, act: &Act) -> Result<(), Error> {
        self.activations.count(&source(act), act.now)
    }

    /// Counts a try at a password on a device.
    pub(crate) fn device(&self, device: &DeviceId, now: Timestamp) -> Result<(), Error> {
        self.devices.count(device.as_str(), now)
    }

    /// Counts a request for a code by phone.
    pub(crate) fn phone_code(&self, act: &Act) -> Result<(), Error> {
        self.phone_codes.count(&source(act), act.now)
    }

    /// Counts a person check that is begun for an activation.
    pub(crate) fn activation_check(&self, act: &Act) -> Result<(), Error> {
        self.activation_checks.count(&source(act), act.now)
    }

    /// Counts a link that is to freeze an account.
    pub(crate) fn freeze_link(&self, act: &Act) -> Result<(), Error> {
        self.freeze_links.count(&source(act), act.now)
    }

    /// Counts a binding that a device begins.
    pub(crate) fn binding(&self, device: &DeviceId, now: Timestamp) -> Result<(), Error> {
        self.bindings.count(device.as_str(), now)
    }

    /// Counts a photo that is judged for a driver.
    pub(crate) fn assessment(&self, act: &Act) -> Result<(), Error> {
        self.assessments.count(&act.actor_id(), act.now)
    }

    /// Counts a person check that a device begins.
    pub(crate) fn person_check(&self, act: &Act, device: &DeviceId) -> Result<(), Error> {
        self.checks_from_a_source.count(&source(act), act.now)?;
        self.checks_on_a_device.count(device.as_str(), act.now)
    }

    /// Counts a code that did not work.
    pub(crate) fn bad_code(&self, act: &Act) -> Result<(), Error> {
        self.bad_codes.count(&act.actor_id(), act.now)
    }
}

impl Limit {
    fn new((burst, every): (u32, Duration)) -> Self {
        let clock = ActClock::default();
        let quota = Quota::with_period(every)
            .unwrap_or(Quota::per_minute(NonZeroU32::MIN))
            .allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN));
        Self {
            limiter: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()),
            clock,
        }
    }

    fn count(&self, key: &str, now: Timestamp) -> Result<(), Error> {
        let nanos = u64::try_from(now.as_nanosecond()).unwrap_or_default();
        // A clock set back gives nobody more tries.
        self.clock.0.fetch_max(nanos, Ordering::Relaxed);
        if self.limiter.len() > KEPT {
            self.limiter.retain_recent();
        }
        let allowed = self.limiter.check_key(&key.to_owned());
        allowed.map_err(|wait| {
            let earliest = wait.earliest_possible();
            let seconds = earliest
                .duration_since(self.clock.now())
                .as_u64()
                .div_ceil(1_000_000_000);
            refusal::too_many(seconds)
        })
    }
}

/// Where a request comes from. One holder of an IPv6 network has all of its addresses, so its
/// first 64 bits count; what comes without an address shares one count.
pub(crate) fn source(act: &Act) -> String {
    match act.source {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            if let Some(v4) = address.to_ipv4_mapped() {
                return v4.to_string();
            }
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_burst_then_one_each_period_and_never_anothers() {
        let limit = Limit::new((3, Duration::from_secs(10)));
        for _ in 0..3 {
            limit.count("a", at(0)).unwrap();
        }
        let refused = limit.count("a", at(0)).unwrap_err();
        assert_eq!(refused.code(), "too-many-requests");
        assert_eq!(refused.retry_after(), Some(10));
        limit.count("b", at(0)).unwrap();
        limit.count("a", at(10)).unwrap();
        assert!(limit.count("a", at(10)).is_err());
        assert!(limit.count("a", at(-100)).is_err(), "a clock set back");
    }

    #[test]
    fn one_ipv6_network_is_one_source() {
        let act = |address: &str| Act {
            actor: crate::Actor::Anonymous,
            now: at(0),
            request: String::new(),
            source: Some(address.parse().unwrap()),
            rng: rand::SeedableRng::seed_from_u64(1),
        };
        assert_eq!(
            source(&act("2001:db8:1:2:3::4")),
            source(&act("2001:db8:1:2::ffff"))
        );
        assert_ne!(
            source(&act("2001:db8:1:2::1")),
            source(&act("2001:db8:1:3::1"))
        );
        assert_eq!(source(&act("::ffff:192.0.2.1")), source(&act("192.0.2.1")));
    }
}
