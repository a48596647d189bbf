//! What holds for every interleaving of two writers.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use storage::{Conflict, HolderId};

use crate::{
    audit::whole_trail,
    harness::{Setup, after, conflict},
    steps::{driver_write, entry},
};

const CASES: u32 = 20;

/// What a writer does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Reads the driver.
    Read,
    /// Writes on what it read last, and commits.
    Write,
    /// Writes on what it read last, and gives up before the commit.
    GiveUp,
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let step = prop_oneof![
        3 => Just(Step::Read),
        4 => Just(Step::Write),
        1 => Just(Step::GiveUp),
    ];
    vec((any::<bool>(), step), 1..24)
}

/// The revision counts the writes that succeeded; a write succeeds exactly when nobody else's came
/// between its reading and it; the record is that of the last one.
pub(crate) async fn the_revision_counts_successful_writes(setup: &Setup) {
    // Fixed randomness: a failure repeats, and the case is printed by the assertion.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for n in 0..CASES {
        let case = steps().new_tree(&mut runner).unwrap().current();
        let driver = setup.driver(n).await;
        let before = whole_trail(&setup.store, driver.id.partition()).await.len();
        let (mut written, mut read) = (0_u64, [1_u64; 2]);
        for (second, step) in &case {
            let revision = &mut read[usize::from(*second)];
            match step {
                Step::Read => *revision = setup.reread(&driver.id).await.revision,
                Step::Write => {
                    let fresh = *revision == written + 1;
                    let done = change(setup, &driver.id, n, *revision, true).await;
                    assert_eq!(done, fresh, "{case:?}");
                    written += u64::from(done);
                }
                Step::GiveUp => {
                    let fresh = *revision == written + 1;
                    let done = change(setup, &driver.id, n, *revision, false).await;
                    assert_eq!(done, fresh, "{case:?}");
                }
            }
            let found = setup.reread(&driver.id).await;
            assert_eq!(found.revision, written + 1, "{case:?}");
            let version = i64::try_from(written).unwrap() + 1;
            assert_eq!(found.record.version, version, "{case:?}");
        }
        let trail = whole_trail(&setup.store, driver.id.partition()).await;
        assert_eq!(trail.len() - before, usize::try_from(written).unwrap());
    }
}

/// Whether the driver could be locked at `revision`.
async fn change(setup: &Setup, holder: &HolderId, n: u32, revision: u64, commits: bool) -> bool {
    let version = i64::try_from(revision).unwrap() + 1;
    let new = driver_write(&setup.store, holder, n, version, None);
    match setup.store.begin(holder, revision).await {
        Ok((mut tx, locked)) => {
            tx.update_driver(&locked, &new, after(5)).await.unwrap();
            if commits {
                tx.commit(entry("registry.changed"), Vec::new())
                    .await
                    .unwrap();
            }
            true
        }
        refused => {
            assert_eq!(conflict(refused), Conflict::Revision);
            false
        }
    }
}
