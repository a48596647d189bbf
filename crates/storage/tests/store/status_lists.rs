//! Published status lists: what is published only moves on.

use storage::{
    Conflict, Cursors, ListForm, ListToPublish, Partition, Store, StoreError, TokenForm,
};

use crate::{
    harness::{Setup, after, conflict, inconsistent, start},
    steps::write_in,
};

fn form(list: u32, bits: u8, form: TokenForm) -> ListForm {
    ListForm {
        list,
        bits,
        suite: "ES256".to_owned(),
        form,
    }
}

/// A list in three forms, whose bytes tell `edition`.
fn list(number: u32, edition: u8) -> ListToPublish {
    let forms = [
        (2, TokenForm::Cwt),
        (2, TokenForm::Jwt),
        (4, TokenForm::Cwt),
    ];
    let forms = forms.map(|(bits, as_form)| {
        let bytes = format!("{number} {edition} {bits} {}", as_form.as_str());
        (form(number, bits, as_form), bytes.into_bytes())
    });
    ListToPublish {
        list: number,
        digest: vec![edition; 32],
        issued_at: after(i64::from(edition)),
        expires_at: after(86_400),
        forms: forms.to_vec(),
    }
}

fn cursors(first: u64, second: u64) -> Cursors {
    Cursors::from([
        (Partition::of_holders(0), first),
        (Partition::of_holders(9), second),
    ])
}

async fn publish(
    store: &Store,
    seen: u64,
    cursors: Cursors,
    lists: &[ListToPublish],
) -> Result<u64, StoreError> {
    write_in(store, Partition::SYSTEM, async |tx| {
        tx.publish_lists(seen, &cursors, start(), lists).await
    })
    .await
}

pub(crate) async fn lists_come_back_as_published(setup: &Setup) {
    let store = &setup.store;
    assert_eq!(store.publication().await.unwrap(), None);
    assert_eq!(store.published_list(7).await.unwrap(), None);
    let first = publish(store, 0, cursors(5, 6), &[list(7, 1), list(8, 1)]).await;
    assert_eq!(first.unwrap(), 1);
    let second = publish(store, 1, cursors(5, 8), &[list(7, 2)]).await;
    assert_eq!(second.unwrap(), 2);
    let newest = store.publication().await.unwrap().unwrap();
    assert_eq!((newest.edition, newest.at), (2, start()));
    assert_eq!(newest.cursors, cursors(5, 8));

    let published = store.published_lists().await.unwrap();
    let facts: Vec<_> = published
        .iter()
        .map(|list| (list.list, list.digest[0], list.issued_at, list.retired_at))
        .collect();
    assert_eq!(facts, [(7, 2, after(2), None), (8, 1, after(1), None)]);
    assert_eq!(
        store.published_list(7).await.unwrap().as_ref(),
        published.first()
    );
    forms_come_back(store).await;
    let none = form(9, 2, TokenForm::Jwt);
    assert_eq!(store.form_document(&none).await.unwrap(), None);
}

/// Of list 7 as published second, of list 8 as published first.
async fn forms_come_back(store: &Store) {
    let forms = store.list_forms().await.unwrap();
    assert_eq!(forms.len(), 6, "those of before are gone");
    for facts in forms {
        assert_eq!(
            store.form_facts(&facts.form).await.unwrap().as_ref(),
            Some(&facts)
        );
        let (sha256, document) = store.form_document(&facts.form).await.unwrap().unwrap();
        assert_eq!(
            (sha256, document.len()),
            (facts.sha256, usize::try_from(facts.size).unwrap())
        );
        let edition = if facts.form.list == 7 { 2 } else { 1 };
        let text = String::from_utf8(document).unwrap();
        let begins = format!("{} {edition} {}", facts.form.list, facts.form.bits);
        assert!(text.starts_with(&begins), "{text}");
    }
}

/// What is published already knows more than this node, in one partition or another.
pub(crate) async fn a_node_that_lags_behind_publishes_nothing(setup: &Setup) {
    let store = &setup.store;
    publish(store, 0, cursors(5, 6), &[list(7, 1)])
        .await
        .unwrap();
    let lacking = Cursors::from([(Partition::of_holders(0), 9)]);
    for behind in [cursors(4, 6), cursors(9, 5), lacking] {
        let refused = publish(store, 1, behind, &[list(7, 2)]).await;
        assert_eq!(conflict(refused), Conflict::Cursor);
    }
    // Caught up, but without having seen what another node published meanwhile.
    let refused = publish(store, 0, cursors(5, 7), &[list(7, 2)]).await;
    assert_eq!(conflict(refused), Conflict::Cursor);
    let published = store.published_list(7).await.unwrap().unwrap();
    assert_eq!(published.digest, [1; 32]);
    publish(store, 1, cursors(5, 6), &[list(7, 3)])
        .await
        .unwrap();
}

pub(crate) async fn of_two_that_publish_at_once_one_does(setup: &Setup) {
    for round in 0..8 {
        let nodes = [1, 2].map(|node| {
            let store = setup.store.clone();
            tokio::spawn(async move {
                publish(&store, round, cursors(round, round), &[list(7, node)]).await
            })
        });
        let mut done = 0;
        for node in nodes {
            match node.await.unwrap() {
                Ok(edition) => {
                    assert_eq!(edition, round + 1);
                    done += 1;
                }
                refused => assert_eq!(conflict(refused), Conflict::Cursor),
            }
        }
        assert_eq!(done, 1);
    }
}

pub(crate) async fn a_retired_list_is_published_no_more(setup: &Setup) {
    let store = &setup.store;
    let retire = async || {
        write_in(store, Partition::SYSTEM, async |tx| {
            tx.retire_list(7, after(50)).await
        })
        .await
    };
    assert_eq!(
        conflict(retire().await),
        Conflict::Cursor,
        "never published"
    );
    publish(store, 0, cursors(1, 1), &[list(7, 1), list(8, 1)])
        .await
        .unwrap();
    retire().await.unwrap();
    assert_eq!(conflict(retire().await), Conflict::Cursor);
    let retired = store.published_list(7).await.unwrap().unwrap();
    assert_eq!(retired.retired_at, Some(after(50)));
    let forms = store.list_forms().await.unwrap();
    assert!(forms.len() == 3 && forms.iter().all(|facts| facts.form.list == 8));
    let again = publish(store, 1, cursors(1, 1), &[list(7, 2)]).await;
    assert_eq!(conflict(again), Conflict::Cursor);
}

pub(crate) async fn a_list_is_over_when_its_credentials_are(setup: &Setup) {
    let store = &setup.store;
    let driver = setup.driver(1).await;
    let issued = setup.issued(&driver.id).await;
    assert_eq!(issued.credential.unwrap().place.list, 0);
    assert!(!store.list_is_full(0).await.unwrap());
    setup
        .execute("UPDATE status_counters SET next_place = 4096")
        .await;
    assert!(store.list_is_full(0).await.unwrap());
    assert!(!store.list_is_full(1).await.unwrap());
    setup
        .execute("UPDATE status_counters SET next_place = 4095 WHERE partition = 200")
        .await;
    assert!(!store.list_is_full(0).await.unwrap(), "one place is left");
    let expires = 31_536_000;
    assert!(store.list_is_alive(0, after(expires - 1)).await.unwrap());
    assert!(!store.list_is_alive(0, after(expires)).await.unwrap());
    assert!(!store.list_is_alive(1, after(0)).await.unwrap());
}

/// Whoever writes to the database does not hand out another list under a known one's tag.
pub(crate) async fn sc_63_an_exchanged_form_is_noticed(setup: &Setup) {
    let store = &setup.store;
    publish(store, 0, cursors(1, 1), &[list(7, 1), list(8, 1)])
        .await
        .unwrap();
    setup
        .execute(
            "UPDATE status_list_forms SET document = (SELECT document FROM status_list_forms \
             WHERE list = 8 AND bits = 2 AND form = 'cwt') WHERE list = 7 AND bits = 2 AND form = 'cwt'",
        )
        .await;
    let found = store.form_document(&form(7, 2, TokenForm::Cwt)).await;
    assert_eq!(inconsistent(found), ("status_list_forms", "document"));
    let other = store.form_document(&form(7, 2, TokenForm::Jwt)).await;
    assert!(other.unwrap().is_some());
}
