//! Many keys within a bound on memory.
//!
//! A table costs memory and the time to build it; without one a signature takes several times as long.
//! Each key counts how often it is used. It gets a small table when it has cost about as much without
//! one as building it takes, and one of 12 bits when the same holds for that. Where the bound
//! leaves no room, keys that are used less than half as much give theirs up; where there are none, the key
//! does without. The counts fade, so that what was used once does not stay for ever.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt::Debug,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::{
    curve::Algorithm,
    es256::Es256,
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

/// Keys of either algorithm whose tables take no more memory together than they may.
///
/// The bound counts the tables of these keys and those of the generators, 2.75 MB for each algorithm of which there
/// was a key, until [`KnownKeys::grow`] builds a larger one. A table that gives way while a batch uses it goes when the batch is
/// done, and building takes about a megabyte for so long. Sharing it between threads costs nothing.
#[derive(Clone, Debug)]
pub struct KnownKeys {
    ring: Arc<Ring>,
}

/// A larger table, built by [`KnownKeys::grow`].
#[derive(Clone, Debug)]
pub struct Grown {
    /// The point of the key that has it: 04, x and y.
    pub point: [u8; 65],
    /// Bits of a digit.
    pub width: Width,
    /// Bytes that all tables take now.
    pub bytes: usize,
    /// How long it took, with the generator's if that was built as well.
    pub took: Duration,
}

impl KnownKeys {
    /// No keys yet, and so many bytes for their tables. Below 2.75 MB, which a generator takes, no key gets
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

    /// The key of this point (04 || x || y, or x || y) and user id for SM2: the same each time, with the
    /// table that it has meanwhile.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn key(&self, point: &[u8], user_id: &[u8]) -> Result<Arc<KnownKey>, BadKey> {
        let key = KnownKey::shared(point, user_id, self.member())?;
        Ok(self.ring.the_one(key))
    }

    /// The key of this point for ES256, likewise.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn es256_key(&self, point: &[u8]) -> Result<Arc<KnownKey<Es256>>, BadKey> {
        let key = KnownKey::es256_shared(point, self.member())?;
        Ok(self.ring.the_one(key))
    }

    fn member(&self) -> Member {
        Member {
            ring: Arc::downgrade(&self.ring),
            uses: AtomicU64::new(0),
        }
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
    /// its generator, if both have room beside all others. Meant for a thread of the caller's, which
    /// calls it until there is nothing left: verification goes on meanwhile.
    #[must_use]
    pub fn grow(&self, width: Width) -> Option<Grown> {
        let started = Instant::now();
        let key = self.ring.state().most_used_below(width)?;
        let guard = key.building();
        if key.width() >= Some(width) {
            // Another thread was here meanwhile.
            drop(guard);
            return self.grow(width);
        }
        if !self
            .ring
            .state()
            .reserve_growth(&key, width, self.ring.budget)
        {
            return None;
        }
        key.grow_generator(width);
        key.build_reserved(&self.ring, width);
        drop(guard);
        Some(Grown {
            point: key.sec1(),
            width,
            bytes: self.bytes(),
            took: started.elapsed(),
        })
    }
}

/// A key of whatever algorithm.
pub(crate) trait Keyed: Any + Debug + Send + Sync {
    /// Tells it from all others.
    fn id(&self) -> &[u8; 32];
    fn member(&self) -> Option<&Member>;
    fn sec1(&self) -> [u8; 65];
    fn algorithm(&self) -> TypeId;
    /// Of the table that it has.
    fn width(&self) -> Option<Width>;
    /// The right to build, once whoever has it is done.
    fn building(&self) -> MutexGuard<'_, ()>;
    fn build_reserved(&self, ring: &Ring, width: Width);
    fn grow_generator(&self, width: Width);
    fn give_up_table(&self);
}

/// How often a key was used.
fn uses(key: &dyn Keyed) -> u64 {
    key.member().map_or(0, Member::uses)
}

/// What a key knows of the others.
#[derive(Debug)]
pub(crate) struct Member {
    ring: Weak<Ring>,
    uses: AtomicU64,
}

impl Member {
    /// The table with which to verify so many signatures, if the key has one by now.
    pub(crate) fn table<A: Algorithm>(
        &self,
        key: &KnownKey<A>,
        times: u64,
    ) -> Option<Arc<Table<A>>> {
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
    pub(crate) fn prepare<A: Algorithm>(&self, key: &KnownKey<A>) {
        if let Some(ring) = self.ring.upgrade() {
            drop(ring.build(key, Width::BITS_12, WORTH_12));
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
pub(crate) struct Ring {
    budget: usize,
    uses: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Every key that somebody holds, by its identifier.
    keys: HashMap<[u8; 32], Weak<dyn Keyed>>,
    /// When to look for keys that nobody holds any more.
    prune_at: usize,
    /// Those that have a table or are about to.
    holders: Vec<Holder>,
    /// How wide each generator's table was asked to be, of the algorithms that have keys.
    generators: HashMap<TypeId, Width>,
}

#[derive(Debug)]
struct Holder {
    key: Arc<dyn Keyed>,
    width: Width,
}

impl Ring {
    fn state(&self) -> MutexGuard<'_, State> {
        // What is done under this lock cannot stop half way but by running out of memory.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that there is of these, or this one.
    fn the_one<A: Algorithm>(&self, key: KnownKey<A>) -> Arc<KnownKey<A>> {
        let mut state = self.state();
        if let Some(found) = state.keys.get(key.id()).and_then(Weak::upgrade) {
            let found: Arc<dyn Any + Send + Sync> = found;
            if let Ok(found) = found.downcast() {
                return found;
            }
        }
        state.prune();
        let key = Arc::new(key);
        let weak: Weak<KnownKey<A>> = Arc::downgrade(&key);
        state.keys.insert(*key.id(), weak);
        state.count_generator(key.algorithm(), self.budget);
        key
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
    fn build<A: Algorithm>(
        &self,
        key: &KnownKey<A>,
        width: Width,
        times: u64,
    ) -> Option<Arc<Table<A>>> {
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

    pub(crate) fn build_reserved<A: Algorithm>(
        &self,
        key: &KnownKey<A>,
        width: Width,
    ) -> Arc<Table<A>> {
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
    fn prune(&mut self) {
        if self.keys.len() >= self.prune_at {
            self.keys.retain(|_, key| key.strong_count() > 0);
            self.prune_at = self.keys.len() * 2 + 64;
        }
    }

    /// The first key of an algorithm brings a table of its generator, for which others may have to go.
    fn count_generator(&mut self, algorithm: TypeId, budget: usize) {
        self.generators.entry(algorithm).or_insert(generator::FIRST);
        let excess = self.bytes().saturating_sub(budget);
        self.make_room(excess, u64::MAX);
    }

    fn bytes(&self) -> usize {
        let of_keys = self.holders.iter().map(|it| it.width.bytes());
        let of_generators = self.generators.values().map(|width| width.bytes());
        of_keys.chain(of_generators).sum()
    }

    fn holder(&self, key: &dyn Keyed) -> Option<&Holder> {
        self.holders.iter().find(|it| it.key.id() == key.id())
    }

    /// Makes room for a table, at the cost of keys that are used less than half as much; `false` where
    /// that is not enough.
    fn reserve(&mut self, key: &dyn Keyed, width: Width, budget: usize) -> bool {
        let Some(this) = self.keys.get(key.id()).and_then(Weak::upgrade) else {
            return false;
        };
        let has = self.holder(key).map_or(0, |it| it.width.bytes());
        let needed = (self.bytes() + width.bytes()).saturating_sub(has);
        let room = self.make_room(needed.saturating_sub(budget), uses(key) / 2);
        if room {
            self.hold(this, width);
        }
        room
    }

    /// Takes so many bytes from the keys that are used least, each of them less than so often; takes none, and
    /// says `false`, where that is not enough.
    fn make_room(&mut self, excess: usize, used_less_than: u64) -> bool {
        let mut excess = excess;
        self.holders.sort_by_key(|it| uses(&*it.key));
        let mut leaving = Vec::new();
        for holder in &self.holders {
            if excess == 0 || uses(&*holder.key) >= used_less_than {
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
            key.give_up_table();
        }
        true
    }

    /// Takes room for a larger table and the generator's where it is free.
    fn reserve_growth(&mut self, key: &Arc<dyn Keyed>, width: Width, budget: usize) -> bool {
        let has = self.holder(&**key).map_or(0, |it| it.width.bytes());
        let before = self.generators.get(&key.algorithm()).copied();
        let before = before.unwrap_or(generator::FIRST);
        let generator = width.max(before);
        let needed = self.bytes() + width.bytes() + generator.bytes();
        if needed > budget + has + before.bytes() {
            return false;
        }
        self.generators.insert(key.algorithm(), generator);
        self.hold(Arc::clone(key), width);
        true
    }

    fn hold(&mut self, key: Arc<dyn Keyed>, width: Width) {
        self.holders.retain(|it| !Arc::ptr_eq(&it.key, &key));
        self.holders.push(Holder { key, width });
    }

    fn most_used_below(&self, width: Width) -> Option<Arc<dyn Keyed>> {
        let narrower = self.holders.iter().filter(|it| it.width < width);
        let most = narrower.max_by_key(|it| uses(&*it.key))?;
        Some(Arc::clone(&most.key))
    }
}

#[cfg(test)]
mod tests;
