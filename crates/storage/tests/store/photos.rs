//! Photos: a row with sealed facts, and sealed bytes in the object store.

use std::path::{Path, PathBuf};

use jiff::civil::date;
use licence::application::PhotoOrigin;
use storage::{HolderId, Partition, PhotoId, PhotoMeta, PhotoRow, StoreError};

use crate::{
    harness::{Setup, after, inconsistent},
    steps::write_in,
};

fn photo(setup: &Setup, holder: &HolderId) -> PhotoRow {
    PhotoRow {
        id: PhotoId::generate(holder.partition(), &mut setup.rng()),
        holder: holder.clone(),
        source: PhotoOrigin::Counter,
        meta: PhotoMeta {
            sha256: "00".repeat(32),
            media_type: "image/jpeg".to_owned(),
            width: 358,
            height: 441,
            taken_on: Some(date(2024, 8, 30)),
        },
        created_at: after(5),
    }
}

async fn insert(setup: &Setup, photo: &PhotoRow) {
    write_in(&setup.store, photo.holder.partition(), async |tx| {
        tx.insert_photo(photo).await
    })
    .await
    .unwrap();
}

pub(crate) async fn a_photos_row_comes_back_as_written(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let mut one = photo(setup, &holder);
    for taken_on in [one.meta.taken_on, None] {
        one.id = PhotoId::generate(holder.partition(), &mut setup.rng());
        one.meta.taken_on = taken_on;
        insert(setup, &one).await;
        let found = setup.store.photo(&one.id).await.unwrap().unwrap();
        assert_eq!((&found.id, &found.holder), (&one.id, &holder));
        assert_eq!((found.source, &found.meta), (one.source, &one.meta));
        assert_eq!(found.created_at, after(5));
    }
    let unknown = PhotoId::generate(holder.partition(), &mut setup.rng());
    assert!(setup.store.photo(&unknown).await.unwrap().is_none());
}

/// SC-63: the facts of one photo do not pass for another's.
pub(crate) async fn sc_63_swapped_facts_of_a_photo_are_noticed(setup: &Setup) {
    let holder = HolderId::random(&mut setup.rng());
    let (one, other) = (photo(setup, &holder), photo(setup, &holder));
    insert(setup, &one).await;
    insert(setup, &other).await;
    let swap = format!(
        "UPDATE photos SET meta_sealed = (SELECT meta_sealed FROM photos WHERE id = '{}') WHERE id = '{}'",
        other.id, one.id
    );
    assert_eq!(setup.execute(&swap).await, 1);
    let found = setup.store.photo(&one.id).await;
    assert_eq!(inconsistent(found), ("photos", "meta_sealed"));
    setup.store.photo(&other.id).await.unwrap();
}

/// SC-63: no face lies readable on the disk, and a file put in another's place is noticed.
pub(crate) async fn sc_63_photo_bytes_are_sealed_to_their_place(setup: &Setup) {
    let partition = Partition::of_holders(33);
    let mut rng = setup.rng();
    let holder = HolderId::generate(partition, &mut rng);
    let other = HolderId::generate(partition, &mut rng);
    let plain = b"a drawn portrait, marked as a specimen".repeat(100);
    let one = PhotoId::generate(partition, &mut rng);
    let two = PhotoId::generate(partition, &mut rng);
    let store = &setup.store;
    store.put_photo_bytes(&holder, &one, &plain).await.unwrap();
    store.put_photo_bytes(&holder, &two, b"two").await.unwrap();
    assert_eq!(*store.photo_bytes(&holder, &one).await.unwrap(), plain);
    let found = store.photo_bytes(&other, &one).await;
    assert_eq!(inconsistent(found), ("objects", "photo"));

    let files = files_below(&setup.options.objects);
    assert_eq!(files.len(), 2);
    let file_of = |id: &PhotoId| {
        let named = |file: &&PathBuf| file.to_string_lossy().contains(id.as_str());
        files.iter().find(named).unwrap()
    };
    let sealed = std::fs::read(file_of(&one)).unwrap();
    assert!(sealed.len() > plain.len());
    assert!(!sealed.windows(16).any(|window| window == &plain[..16]));

    std::fs::copy(file_of(&one), file_of(&two)).unwrap();
    let found = store.photo_bytes(&holder, &two).await;
    assert_eq!(inconsistent(found), ("objects", "photo"));
    for cut in [0, 10, sealed.len() - 1] {
        std::fs::write(file_of(&one), &sealed[..cut]).unwrap();
        let found = store.photo_bytes(&holder, &one).await;
        assert_eq!(inconsistent(found), ("objects", "photo"));
    }
    std::fs::remove_file(file_of(&one)).unwrap();
    let gone = store.photo_bytes(&holder, &one).await;
    assert!(matches!(gone, Err(StoreError::Objects(_))));
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
