//! Many keys within a bound on memory.
//!
//! A table costs memory and the time to build it; without one a signature takes several times as long.
//! Each key counts how often it is used. It gets a small table when it has cost about as much without
//! one as building it takes, and one of 12 bits when the same holds for that. Where the bound
//! leaves no room, keys that are used less than half as much give theirs up; where there are none, the key
//! does without. The counts fade, so that what was used once does not stay for ever.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::{
    generator,
    key::{BadKey, KnownKey},
    table::{Table, Width},
};

/// Uses after which a table of 8 bits has paid for itself: 0.7 ms at some 60 microseconds saved.
const WORTH_8: u64 = 16;
/// The same at 12 bits: 7 ms at some 6 microseconds.
const WORTH_12: u64 = 1_024;
/// Uses of all keys together after which every count is halved.
const FADES: u64 = 1 << 16;

/// Keys whose tables take no more memory together than they may.
///
/// The bound counts the tables of these keys and that of the generator, 2.75 MB until
/// [`KnownKeys::grow`] builds a larger one. A table that gives way while a batch uses it goes when the batch is
/// done, and building takes about a megabyte for so long. Sharing it between threads costs nothing.
#[derive(Clone, Debug)]
pub struct KnownKeys {
    ring: Arc<Ring>,
}

/// A larger table, built by [`KnownKeys::grow`].
#[derive(Clone, Debug)]
pub struct Grown {
    /// The key that has it.
    pub key: Arc<KnownKey>,
    /// Bits of a digit.
    pub width: Width,
    /// Bytes that all tables take now.
    pub bytes: usize,
    /// How long it took, with the generator's if that was built as well.
    pub took: Duration,
}

impl KnownKeys {
    /// No keys yet, and so many bytes for their tables. Below 2.75 MB, which the generator takes, no key gets
    /// a table.
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self {
            ring: Arc::new(Ring {
                budget,
                uses: AtomicU64::new(0),
                state: Mutex::default(),
            }),
        }
    }

    /// The key of this point (04 || x || y, or x || y) and user id: the same each time, with the table
    /// that it has meanwhile.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn key(&self, point: &[u8], user_id: &[u8]) -> Result<Arc<KnownKey>, BadKey> {
        let member = Member {
            ring: Arc::downgrade(&self.ring),
            uses: AtomicU64::new(0),
        };
        let key = KnownKey::shared(point, user_id, member)?;
        Ok(self.ring.state().the_one(key))
    }

    /// Bytes that the tables take, those being built included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ring.state().bytes()
    }

    /// Bytes that they may take.
    #[must_use]
    pub fn budget(&self) -> usize {
        self.ring.budget
    }

    /// Builds a table of this width for the key that is used most among those with a narrower one, and one of
    /// the generator, if both have room beside all others. Meant for a thread of the caller's, which
    /// calls it until there is nothing left: verification goes on meanwhile.
    #[must_use]
    pub fn grow(&self, width: Width) -> Option<Grown> {
        let started = Instant::now();
        let key = self.ring.state().most_used_below(width)?;
        let guard = key.slot.building();
        if key.slot.get().is_some_and(|table| table.width() >= width) {
            // Another thread was here meanwhile.
            drop(guard);
            return self.grow(width);
        }
        if !self.ring.state().reserve_growth(&key, width, self.budget()) {
            return None;
        }
        generator::grow(width);
        self.ring.build_reserved(&key, width);
        drop(guard);
        Some(Grown {
            key,
            width,
            bytes: self.bytes(),
            took: started.elapsed(),
        })
    }
}

/// What a key knows of the others.
#[derive(Debug)]
pub(crate) struct Member {
    ring: Weak<Ring>,
    uses: AtomicU64,
}

impl Member {
    /// The table with which to verify so many signatures, if the key has one by now.
    pub(crate) fn table(&self, key: &KnownKey, times: u64) -> Option<Arc<Table>> {
        let before = self.uses.fetch_add(times, Relaxed);
        let found = key.slot.get();
        let Some(ring) = self.ring.upgrade() else {
            return found;
        };
        ring.fade(times);
        let has = found.as_ref().map(|table| table.width());
        match worth_building(has, before, before.saturating_add(times)) {
            Some(width) => ring.build(key, width, times).or(found),
            None => found,
        }
    }

    /// Builds a table at once, if there is room.
    pub(crate) fn prepare(&self, key: &KnownKey) {
        if let Some(ring) = self.ring.upgrade() {
            ring.build(key, Width::BITS_12, WORTH_12);
        }
    }

    fn uses(&self) -> u64 {
        self.uses.load(Relaxed)
    }
}

/// The table to be built when a key's uses rise from one number to the other. Asked again at each
/// multiple: there may be room by then.
fn worth_building(has: Option<Width>, before: u64, after: u64) -> Option<Width> {
    let passes = |step| before / step < after / step;
    match has {
        Some(width) if width >= Width::BITS_12 => None,
        Some(_) | None if passes(WORTH_12) => Some(Width::BITS_12),
        None if passes(WORTH_8) => Some(Width::BITS_8),
        Some(_) | None => None,
    }
}

#[derive(Debug)]
struct Ring {
    budget: usize,
    uses: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Every key that somebody holds, by Z, which covers its point and its user id.
    keys: HashMap<[u8; 32], Weak<KnownKey>>,
    /// When to look for keys that nobody holds any more.
    prune_at: usize,
    /// Those that have a table or are about to.
    holders: Vec<Holder>,
    /// How wide the generator's table was asked to be, if more than at first.
    generator: Option<Width>,
}

#[derive(Debug)]
struct Holder {
    key: Arc<KnownKey>,
    width: Width,
}

impl Ring {
    fn state(&self) -> MutexGuard<'_, State> {
        // What is done under this lock cannot stop half way but by running out of memory.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fade(&self, times: u64) {
        let before = self.uses.fetch_add(times, Relaxed);
        if before / FADES < before.wrapping_add(times) / FADES {
            for key in self.state().keys.values().filter_map(Weak::upgrade) {
                if let Some(member) = key.member() {
                    member.uses.store(member.uses() / 2, Relaxed);
                }
            }
        }
    }

    /// Builds a table of this width, or a small one where that has no room. While another thread builds
    /// for this key, a few signatures go on with what there is; many are worth waiting for.
    fn build(&self, key: &KnownKey, width: Width, times: u64) -> Option<Arc<Table>> {
        let guard = if times < WORTH_12 {
            key.slot.try_building()?
        } else {
            key.slot.building()
        };
        let found = key.slot.get();
        if found.as_ref().is_some_and(|table| table.width() >= width) {
            return found;
        }
        let widths = [Some(width), found.is_none().then_some(Width::BITS_8)];
        let reserve = |width: &Width| self.state().reserve(key, *width, self.budget);
        let width = widths.into_iter().flatten().find(reserve)?;
        let built = self.build_reserved(key, width);
        drop(guard);
        Some(built)
    }

    fn build_reserved(&self, key: &KnownKey, width: Width) -> Arc<Table> {
        let table = Arc::new(key.build(width));
        let state = self.state();
        // It may have had to give way before it was done.
        if state.holder(key).is_some_and(|it| it.width == width) {
            key.slot.put(Some(Arc::clone(&table)));
        }
        table
    }
}

impl State {
    fn the_one(&mut self, key: KnownKey) -> Arc<KnownKey> {
        let found = self.keys.get(key.za()).and_then(Weak::upgrade);
        if let Some(found) = found {
            return found;
        }
        if self.keys.len() >= self.prune_at {
            self.keys.retain(|_, key| key.strong_count() > 0);
            self.prune_at = self.keys.len() * 2 + 64;
        }
        let key = Arc::new(key);
        self.keys.insert(*key.za(), Arc::downgrade(&key));
        key
    }

    fn bytes(&self) -> usize {
        let of_keys = self.holders.iter().map(|it| it.width.bytes());
        of_keys.sum::<usize>() + self.generator().bytes()
    }

    fn generator(&self) -> Width {
        self.generator.unwrap_or(generator::FIRST)
    }

    fn holder(&self, key: &KnownKey) -> Option<&Holder> {
        self.holders.iter().find(|it| it.key.za() == key.za())
    }

    /// Makes room for a table, at the cost of keys that are used less than half as much; `false` where
    /// that is not enough.
    fn reserve(&mut self, key: &KnownKey, width: Width, budget: usize) -> bool {
        let Some(this) = self.keys.get(key.za()).and_then(Weak::upgrade) else {
            return false;
        };
        let has = self.holder(key).map_or(0, |it| it.width.bytes());
        let needed = (self.bytes() + width.bytes()).saturating_sub(has);
        let mut excess = needed.saturating_sub(budget);
        self.holders.sort_by_key(|it| it.key.uses());
        let mut leaving = Vec::new();
        for holder in &self.holders {
            if excess == 0 || holder.key.uses() >= key.uses() / 2 {
                break;
            }
            excess = excess.saturating_sub(holder.width.bytes());
            leaving.push(Arc::clone(&holder.key));
        }
        if excess > 0 {
            return false;
        }
        for key in leaving {
            self.holders.retain(|it| !Arc::ptr_eq(&it.key, &key));
            key.slot.put(None);
        }
        self.hold(this, width);
        true
    }

    /// Takes room for a larger table and the generator's where it is free.
    fn reserve_growth(&mut self, key: &Arc<KnownKey>, width: Width, budget: usize) -> bool {
        let has = self.holder(key).map_or(0, |it| it.width.bytes());
        let generator = width.max(self.generator());
        let needed = self.bytes() + width.bytes() + generator.bytes();
        if needed > budget + has + self.generator().bytes() {
            return false;
        }
        self.generator = Some(generator);
        self.hold(Arc::clone(key), width);
        true
    }

    fn hold(&mut self, key: Arc<KnownKey>, width: Width) {
        self.holders.retain(|it| !Arc::ptr_eq(&it.key, &key));
        self.holders.push(Holder { key, width });
    }

    fn most_used_below(&self, width: Width) -> Option<Arc<KnownKey>> {
        let narrower = self.holders.iter().filter(|it| it.width < width);
        let most = narrower.max_by_key(|it| it.key.uses())?;
        Some(Arc::clone(&most.key))
    }
}

impl KnownKey {
    fn uses(&self) -> u64 {
        self.member().map_or(0, Member::uses)
    }
}

#[cfg(test)]
mod tests;
