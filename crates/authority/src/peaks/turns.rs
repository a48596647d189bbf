//! Turns (轮次) for work that takes a core: so many at once, and first applications before photo
//! changes among those who wait.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use licence::application::Kind;
use tokio::sync::oneshot;

/// Turns, shared by all who take one.
pub struct Turns {
    state: Mutex<State>,
}

struct State {
    free: usize,
    /// Those who wait: first applications, re-applications, photo changes.
    waiting: [VecDeque<oneshot::Sender<Turn>>; 3],
}

/// One turn; the next gets it when it is dropped.
pub struct Turn(Option<Arc<Turns>>);

impl Turns {
    /// So many turns at once, one at least.
    #[must_use]
    pub fn new(turns: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                free: turns.max(1),
                waiting: Default::default(),
            }),
        })
    }

    /// Waits for a turn. Whoever waits for a kind that comes first gets it before all others; within
    /// a kind, who came first.
    pub async fn take(self: &Arc<Self>, kind: Kind) -> Turn {
        let receiver = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free = state.free.saturating_sub(1);
                return Turn(Some(Arc::clone(self)));
            }
            let (sender, receiver) = oneshot::channel();
            let [first, reapplication, photo_change] = &mut state.waiting;
            let queue = match kind {
                Kind::First => first,
                Kind::Reapplication => reapplication,
                Kind::PhotoChange => photo_change,
            };
            queue.push_back(sender);
            receiver
        };
        match receiver.await {
            Ok(turn) => turn,
            // Senders are dropped with the turns only, and these are held here.
            Err(_dropped) => Turn(None),
        }
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let state = self.lock();
        let still = |queue: &VecDeque<oneshot::Sender<Turn>>| {
            queue.iter().filter(|sender| !sender.is_closed()).count()
        };
        state.waiting.iter().map(still).sum()
    }

    fn give_on(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.lock();
                let next = state.waiting.iter_mut().find_map(VecDeque::pop_front);
                if next.is_none() {
                    state.free = state.free.saturating_add(1);
                    return;
                }
                next
            };
            // Outside the lock: a turn that its receiver drops comes back here.
            match next.map(|sender| sender.send(Turn(Some(Arc::clone(self))))) {
                // Who left is passed over, and the turn that was meant for them is none.
                Some(Err(mut left)) => left.0 = None,
                Some(Ok(())) | None => return,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.give_on();
        }
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::Pin, task::Poll};

    use super::*;

    type Waits<'a> = Pin<Box<dyn Future<Output = Turn> + 'a>>;

    fn poll(waits: &mut Waits<'_>) -> Option<Turn> {
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        match waits.as_mut().poll(&mut context) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    fn take(turns: &Arc<Turns>, kind: Kind) -> Waits<'_> {
        Box::pin(turns.take(kind))
    }

    #[test]
    fn sc_36_first_applications_are_judged_before_photo_changes() {
        let turns = Turns::new(1);
        let running = poll(&mut take(&turns, Kind::PhotoChange)).unwrap();
        let kinds = [
            Kind::PhotoChange,
            Kind::Reapplication,
            Kind::First,
            Kind::First,
        ];
        let mut waiting: Vec<_> = kinds.map(|kind| take(&turns, kind)).into();
        for one in &mut waiting {
            assert!(poll(one).is_none());
        }
        assert_eq!(turns.waiting(), 4);
        let mut turn = running;
        for next in [2, 3, 1, 0] {
            drop(turn);
            for (index, one) in waiting.iter_mut().enumerate() {
                if index != next && turns.waiting() > 0 && kinds[index] != kinds[next] {
                    assert!(poll(one).is_none(), "{index} before {next}");
                }
            }
            turn = poll(&mut waiting[next]).unwrap();
            waiting[next] = Box::pin(std::future::pending());
        }
    }

    #[test]
    fn no_turn_is_lost_with_whoever_leaves() {
        let turns = Turns::new(2);
        let one = poll(&mut take(&turns, Kind::First)).unwrap();
        let two = poll(&mut take(&turns, Kind::First)).unwrap();
        let mut leaves = take(&turns, Kind::First);
        assert!(poll(&mut leaves).is_none());
        drop(leaves);
        assert_eq!(turns.waiting(), 0);
        // Given a turn that it never takes: it goes on to the next.
        let mut given = take(&turns, Kind::First);
        assert!(poll(&mut given).is_none());
        drop(one);
        drop(given);
        drop(two);
        let held: Vec<_> = (0..2)
            .map(|_| poll(&mut take(&turns, Kind::PhotoChange)).unwrap())
            .collect();
        assert!(poll(&mut take(&turns, Kind::First)).is_none(), "no third");
        drop(held);
    }
}
