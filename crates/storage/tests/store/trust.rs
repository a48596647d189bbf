//! Proposed trust lists, emergency revocations, counts of signatures, forms signed anew.

use std::collections::BTreeMap;

use storage::{
    Conflict, FormRow, Partition, ProposalId, ProposalState, SignatureTally, ToSignAnew,
    TrustListRow, TrustProposal,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, conflict, start},
    steps::{write, write_in},
};

const SYSTEM: Partition = Partition::SYSTEM;

async fn proposed(setup: &Setup, version: u64) -> TrustProposal {
    let id = ProposalId::generate(SYSTEM, &mut setup.rng());
    let list = TrustListRow {
        version,
        document: format!("list {version}"),
        certificates: Some("{}".to_owned()),
    };
    write_in(&setup.store, SYSTEM, async |tx| {
        tx.insert_trust_proposal(&id, &list, "stf_a", start()).await
    })
    .await
    .unwrap();
    let found = setup.store.trust_proposal(&id).await.unwrap().unwrap();
    assert_eq!((&found.list, found.state), (&list, ProposalState::Open));
    found
}

pub(crate) async fn a_proposal_is_settled_once(setup: &Setup) {
    let proposal = proposed(setup, 2).await;
    let settle = async |proposal: &TrustProposal, state, by: &'static str| {
        write_in(&setup.store, SYSTEM, async |tx| {
            tx.settle_trust_proposal(proposal, state, by, after(5))
                .await
        })
        .await
    };
    settle(&proposal, ProposalState::Activated, "stf_b")
        .await
        .unwrap();
    for state in [ProposalState::Activated, ProposalState::Rejected] {
        let again = settle(&proposal, state, "stf_c").await;
        assert_eq!(conflict(again), Conflict::TrustChange);
    }
    let found = setup
        .store
        .trust_proposal(&proposal.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.state, ProposalState::Activated);
    assert_eq!(found.settled_by.as_deref(), Some("stf_b"));
    assert_eq!(found.settled_at, Some(after(5)));
    proposed(setup, 3).await;
    assert_eq!(setup.store.trust_proposals(10).await.unwrap().len(), 2);
    assert_eq!(setup.store.trust_proposals(1).await.unwrap().len(), 1);
}

pub(crate) async fn a_first_approval_is_given_once_and_seen_by_the_second(setup: &Setup) {
    let proposal = proposed(setup, 2).await;
    let approve = async |by: &'static str| {
        write_in(&setup.store, SYSTEM, async |tx| {
            tx.approve_trust_proposal(&proposal, by, after(1)).await
        })
        .await
    };
    approve("stf_b").await.unwrap();
    assert_eq!(conflict(approve("stf_c").await), Conflict::TrustChange);
    // Whoever read it before that approval settles nothing.
    let stale = write_in(&setup.store, SYSTEM, async |tx| {
        tx.settle_trust_proposal(&proposal, ProposalState::Activated, "stf_c", after(2))
            .await
    })
    .await;
    assert_eq!(conflict(stale), Conflict::TrustChange);
    let found = setup
        .store
        .trust_proposal(&proposal.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.approved_by.as_deref(), Some("stf_b"));
    write_in(&setup.store, SYSTEM, async |tx| {
        tx.settle_trust_proposal(&found, ProposalState::Activated, "stf_c", after(2))
            .await
    })
    .await
    .unwrap();
}

pub(crate) async fn sc_64_a_distrusted_key_is_lifted_by_the_second_who_asks(setup: &Setup) {
    let store = &setup.store;
    let distrust = async || {
        write_in(store, SYSTEM, async |tx| {
            tx.distrust_key("aa", "lost", "stf_a", start()).await
        })
        .await
    };
    let ask = async |by: &'static str| {
        write_in(store, SYSTEM, async |tx| {
            tx.ask_to_trust_key("aa", (by, None), after(1)).await
        })
        .await
    };
    let lift = async |asked: &'static str| {
        write_in(store, SYSTEM, async |tx| tx.trust_key("aa", asked).await).await
    };
    assert_eq!(conflict(ask("stf_a").await), Conflict::TrustChange);
    distrust().await.unwrap();
    assert_eq!(conflict(distrust().await), Conflict::TrustChange);
    assert_eq!(conflict(lift("stf_a").await), Conflict::TrustChange);
    ask("stf_a").await.unwrap();
    assert_eq!(conflict(ask("stf_b").await), Conflict::TrustChange);
    let [row] = &store.key_distrusts().await.unwrap()[..] else {
        panic!("one row");
    };
    assert_eq!((row.key_id.as_str(), row.reason.as_str()), ("aa", "lost"));
    assert_eq!(
        (row.since, row.undo_by.as_deref()),
        (start(), Some("stf_a"))
    );
    assert_eq!(conflict(lift("stf_b").await), Conflict::TrustChange);
    lift("stf_a").await.unwrap();
    assert!(store.key_distrusts().await.unwrap().is_empty());
}

fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let pairs = pairs.iter().map(|(key, count)| ((*key).to_owned(), *count));
    pairs.collect()
}

async fn tally(setup: &Setup, partition: Partition) -> SignatureTally {
    let tallies = setup.store.signature_tallies().await.unwrap();
    assert_eq!(tallies.len(), 257);
    tallies[&partition].clone()
}

fn signed_anew() -> FormRow {
    FormRow {
        suite: "ES256".to_owned(),
        key_id: "11ee".to_owned(),
        form: Zeroizing::new(b"signed anew".to_vec()),
    }
}

pub(crate) async fn signatures_are_counted_with_the_forms(setup: &Setup) {
    let driver = setup.driver(1).await;
    let partition = driver.id.partition();
    let credential = setup.issued(&driver.id).await.credential.unwrap();
    let first = tally(setup, partition).await;
    assert_eq!(first.counted, counts(&[("00ff", 2)]));
    assert_eq!(first.forms, counts(&[("00ff", 2)]));
    let heads = setup.store.audit_heads().await.unwrap();
    let mut heads = heads.into_iter();
    let head = heads.find(|head| head.partition == partition).unwrap();
    assert_eq!((first.seq, first.hash), (head.seq, head.hash));
    write(&setup.store, &driver.id, async |tx, locked| {
        let dates = (after(90), after(900));
        tx.sign_anew(locked, &credential.id, &[signed_anew()], dates)
            .await
    })
    .await
    .unwrap();
    let second = tally(setup, partition).await;
    assert_eq!(second.counted, counts(&[("00ff", 2), ("11ee", 1)]));
    assert_eq!(second.forms, counts(&[("00ff", 1), ("11ee", 1)]));
}

pub(crate) async fn an_active_credential_is_found_by_its_key_and_signed_anew(setup: &Setup) {
    let driver = setup.driver(1).await;
    let credential = setup.issued(&driver.id).await.credential.unwrap();
    let old = ["00ff".to_owned(), "other".to_owned()];
    let found = async |after| {
        let partition = driver.id.partition();
        let found = setup
            .store
            .credentials_signed_by(partition, &old, after, 10);
        found.await.unwrap()
    };
    let due = ToSignAnew {
        credential: credential.id.clone(),
        holder: driver.id.clone(),
    };
    assert_eq!(found(None).await, [due]);
    assert_eq!(found(Some(&credential.id)).await, []);
    let sign = async || {
        write(&setup.store, &driver.id, async |tx, locked| {
            let dates = (after(90), after(900));
            tx.sign_anew(locked, &credential.id, &[signed_anew()], dates)
                .await
        })
        .await
    };
    sign().await.unwrap();
    let forms = setup.store.forms(&driver.id, &credential.id).await.unwrap();
    assert_eq!(forms[0].form, signed_anew().form);
    let keys = setup.store.form_keys(&credential.id).await.unwrap();
    assert_eq!(keys[0], ("ES256".to_owned(), "11ee".to_owned()));
    let current = setup.store.current_e_licence(&driver.id).await.unwrap();
    let now = current.unwrap().credential.unwrap();
    assert_eq!(now.place, credential.place);
    assert_eq!((now.issued_at, now.expires_at), (after(90), after(900)));
    // An ended one stays as it is.
    write(&setup.store, &driver.id, async |tx, locked| {
        tx.end_credential(locked, &credential.id, after(100)).await
    })
    .await
    .unwrap();
    assert_eq!(found(None).await, []);
    assert_eq!(conflict(sign().await), Conflict::ELicenceState);
}
