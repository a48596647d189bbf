//! An e-licence that two measures stop, an objection to its issue and a sanction: it comes back once
//! neither stands, whichever began and whichever ended first.

use licence::e_licence::{RevocationCause, Stage};
use storage::{Conflict, CurrentELicence, HolderId, SampleState, SanctionId, StoreError};

use crate::{
    harness::{Setup, after, conflict},
    reviews::sampled_issue,
    sanctions::in_force,
    steps::write,
};

const REASONS: &str = r#"{"v":1,"codes":["R73"]}"#;

/// A driver whose issue is sampled, and a sanction that stops nothing yet.
struct Stopped<'a> {
    setup: &'a Setup,
    holder: HolderId,
    current: CurrentELicence,
    sanction: SanctionId,
}

impl<'a> Stopped<'a> {
    async fn new(setup: &'a Setup, n: u32) -> Self {
        let holder = setup.driver(n).await.id;
        let current = setup.issued(&holder).await;
        sampled_issue(setup, &holder, &current).await;
        Self {
            setup,
            sanction: in_force(setup, &holder).await,
            holder,
            current,
        }
    }

    async fn stage(&self) -> Stage {
        let id = &self.current.e_licence.id;
        let found = self.setup.store.e_licence(id).await.unwrap();
        found.unwrap().stage
    }

    /// The first officer objects; what is stopped already is not stopped anew.
    async fn object(&self) {
        let stops = self.stage().await == Stage::Active;
        write(&self.setup.store, &self.holder, async |tx, locked| {
            let by = ("stf_a", Some(REASONS));
            let application = &self.current.e_licence.application;
            tx.decide_issue_sample(locked, application, by, after(80))
                .await?;
            if stops {
                tx.stop_for_sample(locked, &self.current.e_licence.id)
                    .await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    }

    async fn stop(&self) -> Result<(), StoreError> {
        write(&self.setup.store, &self.holder, async |tx, locked| {
            tx.stop_e_licence(locked, &self.current.e_licence.id, &self.sanction)
                .await
        })
        .await
    }

    /// The second officer settles the objection; answers whether the e-licence is back.
    async fn settle(&self) -> Result<bool, StoreError> {
        write(&self.setup.store, &self.holder, async |tx, locked| {
            let settled = ("stf_b", SampleState::Lifted);
            let application = &self.current.e_licence.application;
            tx.settle_issue_sample(locked, application, settled, after(90))
                .await?;
            tx.restore_after_sample(locked, &self.current.e_licence.id)
                .await
        })
        .await
    }

    /// The sanction is lifted; answers whether the e-licence is back.
    async fn lift(&self) -> Result<bool, StoreError> {
        write(&self.setup.store, &self.holder, async |tx, locked| {
            tx.restore_e_licence(locked, &self.sanction).await
        })
        .await
    }
}

pub(crate) async fn sc_35_what_two_measures_stop_comes_back_once_neither_stands(setup: &Setup) {
    let orders = [(false, false), (false, true), (true, false), (true, true)];
    for (n, (objection_first, settled_first)) in (1_u32..).zip(orders) {
        let stopped = Stopped::new(setup, n).await;
        if objection_first {
            stopped.object().await;
            stopped.stop().await.unwrap();
        } else {
            stopped.stop().await.unwrap();
            stopped.object().await;
        }
        assert_eq!(stopped.stage().await, Stage::Stopped);
        assert_eq!(conflict(stopped.stop().await), Conflict::ELicenceState);
        let (first, last) = if settled_first {
            let first = stopped.settle().await.unwrap();
            assert_eq!(stopped.stage().await, Stage::Stopped, "the sanction stands");
            (first, stopped.lift().await.unwrap())
        } else {
            let first = stopped.lift().await.unwrap();
            assert_eq!(
                stopped.stage().await,
                Stage::Stopped,
                "the objection stands"
            );
            // Lifted once, a sanction gives nothing back a second time.
            assert!(!stopped.lift().await.unwrap());
            (first, stopped.settle().await.unwrap())
        };
        assert_eq!(
            (first, last),
            (false, true),
            "{objection_first} {settled_first}"
        );
        assert_eq!(stopped.stage().await, Stage::Active);
        assert!(
            !stopped.lift().await.unwrap(),
            "nothing is stopped any more"
        );
    }
}

/// Lifted at once by two officers, it is back when both are through, and not before.
pub(crate) async fn sc_35_of_two_lifts_at_once_the_later_gives_it_back(setup: &Setup) {
    for n in 1..=8 {
        let stopped = Stopped::new(setup, n).await;
        stopped.object().await;
        stopped.stop().await.unwrap();
        let again = async |lift: bool| loop {
            let done = if lift {
                stopped.lift().await
            } else {
                stopped.settle().await
            };
            match done {
                Err(StoreError::Conflict(Conflict::Revision)) => {}
                other => return other.unwrap(),
            }
        };
        let (lifted, settled) = tokio::join!(again(true), again(false));
        assert!(lifted != settled, "exactly one of them gives it back");
        assert_eq!(stopped.stage().await, Stage::Active);
    }
}

/// An objection that holds ends it for good, whatever becomes of the sanction.
pub(crate) async fn sc_35_what_an_objection_revoked_no_lift_gives_back(setup: &Setup) {
    let stopped = Stopped::new(setup, 1).await;
    stopped.stop().await.unwrap();
    stopped.object().await;
    write(&setup.store, &stopped.holder, async |tx, locked| {
        let settled = ("stf_b", SampleState::Revoked);
        let application = &stopped.current.e_licence.application;
        tx.settle_issue_sample(locked, application, settled, after(90))
            .await?;
        let cause = RevocationCause::WronglyIssued.as_str();
        tx.end_e_licence(locked, &stopped.current, Stage::Revoked, cause, after(90))
            .await
    })
    .await
    .unwrap();
    assert!(!stopped.lift().await.unwrap());
    assert_eq!(stopped.stage().await, Stage::Revoked);
}
