//! Photos and faces are judged on threads of their own, a few at a time.
//!
//! An assessment takes a core for a tenth of a second and more. As many run at once as there are
//! turns; whoever comes while too many wait is asked to come later, so that neither memory nor the
//! rest of the platform suffers under a surge.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use licence::application::Kind;
use portrait::{Models, Thresholds};

use crate::{Error, peaks::Turns, refusal};

/// How many may wait for each that runs: the last of them waits some seconds. Each holds its photo or
/// its frames, 12 MiB at most.
const WAITING_PER_TURN: usize = 16;
/// For each of these places one in so many of those who are not signed in is taken in: however many of
/// them come, the others find room.
const STRANGERS: usize = 4;
/// When to come again, in seconds.
const COME_AGAIN: u64 = 5;

/// The face models with the thresholds that apply, shared by all who judge.
pub struct Judge {
    faces: Arc<Faces>,
    turns: Arc<Turns>,
    all_turns: usize,
    waiting: AtomicUsize,
    strangers: AtomicUsize,
}

/// What a judgement needs.
pub struct Faces {
    /// The models.
    pub models: Models,
    /// Where one person ends and another begins.
    pub thresholds: Thresholds,
}

/// One who waits; counted until it is dropped.
struct Place<'a>(&'a AtomicUsize);

/// One who is not signed in and has something judged; see [`Judge::stranger`].
pub struct Stranger<'a>(#[expect(dead_code, reason = "counted until it is dropped")] Place<'a>);

impl Judge {
    /// Judges with `turns` at once.
    #[must_use]
    pub fn new(models: Models, thresholds: Thresholds, turns: usize) -> Self {
        let all_turns = turns.max(1);
        Self {
            faces: Arc::new(Faces { models, thresholds }),
            turns: Turns::new(all_turns),
            all_turns,
            waiting: AtomicUsize::new(0),
            strangers: AtomicUsize::new(0),
        }
    }

    /// Runs `judge` on a thread for such work, when it is its turn, as for a first application.
    ///
    /// # Errors
    /// When too many wait, or it did not come to its end.
    pub async fn run<T: Send + 'static>(
        &self,
        judge: impl FnOnce(&Faces) -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.run_for(Kind::First, judge).await
    }

    /// The same for an application of this kind: of those who wait, first applications have their
    /// turn before photo changes (R87).
    ///
    /// # Errors
    /// As [`Judge::run`].
    pub async fn run_for<T: Send + 'static>(
        &self,
        kind: Kind,
        judge: impl FnOnce(&Faces) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (_, most) = self.waiting();
        let place = Place::take(&self.waiting, most)?;
        let turn = self.turns.take(kind).await;
        drop(place);
        let faces = Arc::clone(&self.faces);
        let judged = tokio::task::spawn_blocking(move || {
            let judged = judge(&faces);
            // The turn ends with the work, also where whoever asked has left.
            drop(turn);
            judged
        });
        judged
            .await
            .map_err(|_ended| Error::Internal("a judgement did not come to its end"))
    }

    /// Somebody who is not signed in, until it is dropped: however much is judged for them, they are one
    /// of a few.
    ///
    /// # Errors
    /// When there are too many of them.
    pub fn stranger(&self) -> Result<Stranger<'_>, Error> {
        let (_, most) = self.waiting();
        Place::take(&self.strangers, most / STRANGERS).map(Stranger)
    }

    /// How many wait, and how many may.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let most = self.all_turns.saturating_mul(WAITING_PER_TURN);
        (self.waiting.load(Ordering::Relaxed), most)
    }
}

impl<'a> Place<'a> {
    fn take(taken: &'a AtomicUsize, most: usize) -> Result<Self, Error> {
        let place = Self(taken);
        if taken.fetch_add(1, Ordering::Relaxed) < most {
            Ok(place)
        } else {
            Err(refusal::too_many(COME_AGAIN))
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge(..)")
    }
}

impl fmt::Debug for Stranger<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stranger(..)")
    }
}

impl fmt::Debug for Faces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faces(..)")
    }
}
