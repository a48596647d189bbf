//! Names under which holders are found.

use storage::{AliasClaim, AliasKind, HolderId};

use crate::{
    harness::{Setup, after, open, start},
    people,
};

fn claim(setup: &Setup, kind: AliasKind, name: &str, holder: &HolderId) -> AliasClaim {
    AliasClaim {
        kind,
        blind: setup.store.alias(kind, name),
        holder: holder.clone(),
    }
}

pub(crate) async fn the_first_claimer_keeps_a_name_and_the_second_learns_of_it(setup: &Setup) {
    let mut rng = setup.rng();
    let (first, second) = (HolderId::random(&mut rng), HolderId::random(&mut rng));
    for (kind, name) in [
        (AliasKind::Subject, "S1".to_owned()),
        (AliasKind::LicenceNumber, people::licence_number(1)),
    ] {
        let blind = setup.store.alias(kind, &name);
        for (holder, at) in [(&first, start()), (&second, after(1)), (&first, after(2))] {
            let claims = [claim(setup, kind, &name, holder)];
            let owners = setup.store.claim_aliases(&claims, at).await.unwrap();
            assert_eq!(owners.get(&(kind, blind.clone())), Some(&first));
        }
        let found = setup
            .store
            .holders_of(kind, std::slice::from_ref(&blind))
            .await
            .unwrap();
        assert_eq!(found.get(&blind), Some(&first));
    }
}

pub(crate) async fn kinds_of_names_are_apart(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let number = people::licence_number(1);
    let claims = [claim(setup, AliasKind::LicenceNumber, &number, &holder)];
    setup.store.claim_aliases(&claims, start()).await.unwrap();
    for kind in [AliasKind::Subject, AliasKind::FileNumber] {
        let blinds = [setup.store.alias(kind, &number), claims[0].blind.clone()];
        let found = setup.store.holders_of(kind, &blinds).await.unwrap();
        assert!(found.is_empty());
    }
}

/// A registry may give one file number to two drivers by mistake: both are found under their own
/// names, and neither claim is refused.
pub(crate) async fn file_numbers_are_shared(setup: &Setup) {
    let mut rng = setup.rng();
    let holders = [HolderId::random(&mut rng), HolderId::random(&mut rng)];
    let kind = AliasKind::FileNumber;
    let blind = setup.store.alias(kind, "110199000001");
    for holder in &holders {
        let claims = [claim(setup, kind, "110199000001", holder)];
        let owners = setup.store.claim_aliases(&claims, start()).await.unwrap();
        assert!(owners.is_empty());
    }
    let found = setup
        .store
        .holders_of(kind, std::slice::from_ref(&blind))
        .await
        .unwrap();
    assert!(found.get(&blind).is_some_and(|one| holders.contains(one)));
}

pub(crate) async fn many_names_are_claimed_at_once(setup: &Setup) {
    let mut rng = setup.rng();
    let early = HolderId::random(&mut rng);
    let taken = [claim(setup, AliasKind::Subject, "S700", &early)];
    setup.store.claim_aliases(&taken, start()).await.unwrap();
    let claims: Vec<_> = (0..1_200)
        .map(|n| {
            let holder = HolderId::random(&mut rng);
            claim(setup, AliasKind::Subject, &format!("S{n}"), &holder)
        })
        .collect();
    let owners = setup.store.claim_aliases(&claims, after(1)).await.unwrap();
    assert_eq!(owners.len(), claims.len());
    let blinds: Vec<_> = claims.iter().map(|claim| claim.blind.clone()).collect();
    let found = setup
        .store
        .holders_of(AliasKind::Subject, &blinds)
        .await
        .unwrap();
    for (n, claim) in claims.iter().enumerate() {
        let expected = if n == 700 { &early } else { &claim.holder };
        assert_eq!(found.get(&claim.blind), Some(expected));
        assert_eq!(
            owners.get(&(claim.kind, claim.blind.clone())),
            Some(expected)
        );
    }
}

/// Two imports of overlapping files in opposite order: nobody waits for ever, all agree.
pub(crate) async fn overlapping_claims_neither_deadlock_nor_disagree(setup: &Setup) {
    for round in 0..5 {
        let mut tasks = Vec::new();
        for node in 0..4 {
            let mut rng = setup.rng();
            let mut claims: Vec<_> = (0..200)
                .map(|n| {
                    let holder = HolderId::random(&mut rng);
                    claim(setup, AliasKind::Subject, &format!("{round}-{n}"), &holder)
                })
                .collect();
            if node % 2 == 1 {
                claims.reverse();
            }
            let store = setup.store.clone();
            tasks.push(tokio::spawn(async move {
                store.claim_aliases(&claims, start()).await.unwrap()
            }));
        }
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        assert_eq!(answers[0].len(), 200);
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }
}

/// Names that an older version kept in one table are found after the migration.
pub(crate) async fn names_of_an_older_database_are_found(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let other = HolderId::random(&mut setup.rng());
    let known = [
        (AliasKind::Subject, "S1"),
        (AliasKind::LicenceNumber, "110199199001010000"),
        (AliasKind::FileNumber, "110199000001"),
    ];
    let claims = known.map(|(kind, name)| claim(setup, kind, name, &holder));
    setup.store.claim_aliases(&claims, start()).await.unwrap();
    let shared = [claim(setup, AliasKind::FileNumber, known[2].1, &other)];
    setup.store.claim_aliases(&shared, start()).await.unwrap();
    for sql in [
        "CREATE TABLE aliases (partition BIGINT NOT NULL, kind TEXT NOT NULL, blind BYTEA NOT NULL, \
         holder_id TEXT NOT NULL, claimed_at BIGINT NOT NULL, PRIMARY KEY (partition, kind, blind, holder_id))",
        "INSERT INTO aliases SELECT partition, CASE kind WHEN 1 THEN 'subject' ELSE 'licence-number' END, \
         blind, holder_id, claimed_at FROM owned_aliases",
        "INSERT INTO aliases SELECT partition, 'file-number', blind, holder_id, claimed_at FROM shared_aliases",
        "DROP TABLE owned_aliases",
        "DROP TABLE shared_aliases",
        "DROP TABLE layout_keys",
        "DROP TABLE reindexes",
        "ALTER TABLE blind_indexes DROP COLUMN wrapped",
        "ALTER TABLE blind_indexes DROP COLUMN activated_at",
        "ALTER TABLE blind_indexes DROP COLUMN left_at",
        "ALTER TABLE partition_heads DROP COLUMN least_index",
        "DELETE FROM schema_migrations WHERE name IN ('aliases', 'index_keys')",
    ] {
        setup.execute(sql).await;
    }
    setup.store.close().await;
    let store = open(&setup.options, 2).await.unwrap();
    for claim in &claims {
        let names = std::slice::from_ref(&claim.blind);
        let found = store.holders_of(claim.kind, names).await.unwrap();
        let owner = found.get(&claim.blind);
        assert!(
            owner == Some(&holder) || claim.kind == AliasKind::FileNumber && owner == Some(&other)
        );
    }
    let late = [claims[1].clone()].map(|claim| AliasClaim {
        holder: other.clone(),
        ..claim
    });
    let owned = store.claim_aliases(&late, after(1)).await.unwrap();
    assert!(owned.values().eq([&holder]));
    store.close().await;
}
