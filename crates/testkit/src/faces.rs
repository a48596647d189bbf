//! The face models and the photos that `cargo xtask setup --models` fetches, the platform with them, and
//! a load on whoever judges. No face is part of the tree.

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, LazyLock, mpsc},
    thread,
};

use authority::{
    AutomaticIssue, DuplicateSearch, SearchScope, identity::IdentityService, judge::Judge,
};
use jiazhao::app::FaceModels;
use jiff::SignedDuration;
use portrait::{Models, Thresholds};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::app::App;

/// Where they lie.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/models")
}

/// Who judges photos in tests; the models are loaded once in a process.
///
/// # Panics
/// Where the models are missing.
#[must_use]
pub fn judge() -> Arc<Judge> {
    static JUDGE: LazyLock<Arc<Judge>> = LazyLock::new(|| {
        let turns = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        judge_of_turns(turns)
    });
    Arc::clone(&JUDGE)
}

/// One of a test's own, with models of its own and so many turns.
///
/// # Panics
/// Where the models are missing.
#[must_use]
pub fn judge_of_turns(turns: usize) -> Arc<Judge> {
    let models = Models::read(|name| std::fs::read(folder().join(name)))
        .expect("the face models: run `cargo xtask setup --models`");
    Arc::new(Judge::new(models, Thresholds::START, turns))
}

/// Work that takes the turn of a judge who has one, with so many more that wait for it, until it is taken
/// off.
#[derive(Debug)]
pub struct Load {
    ends: Vec<mpsc::Sender<()>>,
    work: Vec<JoinHandle<()>>,
}

impl Load {
    /// Puts it on.
    ///
    /// # Panics
    /// When the judge has no room for so many.
    pub async fn on(judge: &Arc<Judge>, waiting: usize) -> Self {
        let mut load = Self {
            ends: Vec::new(),
            work: Vec::new(),
        };
        let begun = load.add(judge);
        begun.await.expect("the first has its turn");
        for number in 1..=waiting {
            drop(load.add(judge));
            while judge.waiting().0 < number {
                let refused = load.work.iter().any(JoinHandle::is_finished);
                assert!(!refused, "the judge has no room for so many");
                tokio::task::yield_now().await;
            }
        }
        load
    }

    /// Answers when it has its turn.
    fn add(&mut self, judge: &Arc<Judge>) -> oneshot::Receiver<()> {
        let (end, ended) = mpsc::channel::<()>();
        let (begins, begun) = oneshot::channel();
        let judge = Arc::clone(judge);
        let work = async move {
            let judged = judge.run(move |_faces| {
                // Nobody may want to know.
                begins.send(()).ok();
                // Until the other end is dropped.
                ended.recv().ok();
            });
            judged.await.expect("there is room");
        };
        self.ends.push(end);
        self.work.push(tokio::spawn(work));
        begun
    }

    /// Takes it off; nobody waits any more.
    ///
    /// # Panics
    /// When a part of it panicked.
    pub async fn off(self) {
        drop(self.ends);
        for work in self.work {
            work.await.expect("it ends");
        }
    }
}

impl App {
    /// The same started anew with the face models, which are loaded once: drivers apply by
    /// themselves, and what is beyond doubt is issued without an officer, as `issue` says.
    #[must_use]
    pub async fn with_faces(self, issue: AutomaticIssue) -> Self {
        self.with_judge(judge(), issue).await
    }

    /// The same with another who judges.
    #[must_use]
    pub async fn with_judge(mut self, judge: Arc<Judge>, issue: AutomaticIssue) -> Self {
        self.given.faces = FaceModels::Given(judge);
        self.given.automatic_issue = issue;
        self.restarted().await
    }

    /// The same started anew with an identity service, on whose word licences are issued.
    #[must_use]
    pub async fn with_identity_service(mut self, service: Arc<dyn IdentityService>) -> Self {
        self.given.identity = Some(service);
        self.with_faces(AutomaticIssue::External).await
    }

    /// The same started anew with the search for duplicate faces among what shares these, whose
    /// descriptors are kept for this long; one comparison in a thousand is said to be wrong.
    #[must_use]
    pub async fn with_duplicate_search(mut self, keep: SignedDuration, scope: SearchScope) -> Self {
        self.given.duplicates = Some(DuplicateSearch {
            keep,
            scope,
            fmr: 0.001,
            fmr_bound: 0.002,
        });
        self.restarted().await
    }
}
