//! Backup of a store in use, and restoring it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use licence::person_check::FacePurpose;
use sqlx::{AnyConnection, Connection as _};
use storage::{
    ActivationId, CodeUse, DeviceId, FaceConsentId, FaceConsentRow, HolderId, Layout, MasterKeys,
    NumericCodeRow, Partition, PersonCheckId, Session, SessionKind, StatusPlace, Steward, Store,
    StoreError, StoreOptions,
    backup::{Backup, BackupError, CheckedBackup, Past, Restored},
};
use testkit::{postgres::Server, random};

use crate::{
    everything::Everything,
    harness::{Kind, Setup, after, keys, open, start},
    steps::{touch, write, write_in},
};

fn steward() -> Steward<'static> {
    Steward {
        actor: "system:backup",
        request: "backup",
        now: after(100),
    }
}

impl Setup {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn back_up(&self, name: &str) -> Backup {
        let folder = self.path(name);
        self.store.backup(&folder, None, &steward()).await.unwrap()
    }

    /// An empty database of `kind` with an empty object folder beside it.
    pub(crate) fn target(&self, kind: Kind, name: &str) -> StoreOptions {
        let objects = self.path(&format!("{name}-objects"));
        fs::create_dir_all(&objects).unwrap();
        let url = match kind {
            Kind::Sqlite => format!("sqlite:{}", self.path(&format!("{name}.db")).display()),
            Kind::PostgreSql | Kind::Partitioned => Server::shared().unwrap().database(),
        };
        StoreOptions {
            url,
            objects,
            layout: match kind {
                Kind::Partitioned => Layout::Partitioned,
                Kind::Sqlite | Kind::PostgreSql => Layout::Plain,
            },
            ..self.options.clone()
        }
    }
}

pub(crate) async fn restore(folder: &Path, target: &StoreOptions) -> Result<Restored, BackupError> {
    let past = Past {
        places: 4096,
        ..Past::default()
    };
    CheckedBackup::open(folder, &keys())?
        .restore(target, &keys(), &past, &steward(), &mut random::seeded(9))
        .await
}

/// Every audit row of every partition follows the one before.
pub(crate) async fn chained(store: &Store) -> u64 {
    let mut rows = 0;
    for partition in Partition::all() {
        let (mut last, mut previous) = (0, vec![0; 32]);
        loop {
            let found = store.audit_after(partition, last, 500).await.unwrap();
            let Some(newest) = found.last().map(|row| row.seq) else {
                break;
            };
            for row in &found {
                assert_eq!(row.seq, last + 1);
                assert_eq!(row.hash, row.chained(&previous));
                (last, previous) = (row.seq, row.hash.clone());
                rows += 1;
            }
            assert_eq!(newest, last);
        }
        let heads = store.audit_heads().await.unwrap();
        let head = heads
            .iter()
            .find(|head| head.partition == partition)
            .unwrap();
        assert_eq!((head.seq, &head.hash), (last, &previous));
    }
    rows
}

/// While others write, a backup is of one instant; restored, on the same engine and on the other,
/// everything opens and the audit is whole.
pub(crate) async fn a_backup_of_a_store_in_use_is_restored_whole(setup: &Setup) {
    setup.spoil();
    let all = [
        Everything::of(setup, 1).await,
        Everything::of(setup, 2).await,
    ];
    let holders: Vec<HolderId> = all.iter().map(|one| one.holder.clone()).collect();
    let written = Arc::new(AtomicU64::new(0));
    let writer = tokio::spawn({
        let (store, written) = (setup.store.clone(), written.clone());
        async move {
            loop {
                for holder in &holders {
                    touch(&store, holder).await.unwrap();
                    written.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    });
    let before = written.load(Ordering::SeqCst);
    let made = setup.back_up("backup").await;
    assert!(written.load(Ordering::SeqCst) > before, "nobody wrote");
    writer.abort();
    drop(writer.await);
    assert_eq!((made.manifest.objects, made.manifest.missing), (2, 0));
    let kinds = match setup.kind {
        Kind::Sqlite => vec![Kind::Sqlite],
        Kind::PostgreSql => vec![Kind::PostgreSql, Kind::Partitioned],
        Kind::Partitioned => vec![Kind::Partitioned, Kind::Sqlite],
    };
    for (n, kind) in (0..).zip(kinds) {
        let target = setup.target(kind, &format!("target{n}"));
        let restored = restore(&setup.path("backup"), &target).await.unwrap();
        assert_eq!(restored.rows, made.manifest.rows());
        assert_eq!(restored.objects, 2);
        let store = open(&target, 7).await.unwrap();
        for one in &all {
            one.reads_as_written(&store).await;
        }
        let rows = chained(&store).await;
        let then: u64 = made.manifest.heads.iter().map(|(_, seq, _)| seq).sum();
        assert_eq!(rows, then + 1, "the rows of then, and that of the restore");
        let last = store.audit_heads().await.unwrap().pop().unwrap();
        let last = store
            .audit_after(last.partition, last.seq - 1, 1)
            .await
            .unwrap();
        assert_eq!(last[0].act, "store.restored");
        // And it can be written.
        touch(&store, &all[0].holder).await.unwrap();
        store.close().await;
    }
}

/// A column that the schema has and the backup has not would be lost without a word.
pub(crate) async fn a_backup_has_every_table_and_column(setup: &Setup) {
    let made = setup.back_up("backup").await;
    let mut raw = setup.raw().await;
    let (tables, columns) = match setup.kind {
        Kind::Sqlite => (
            "SELECT name FROM sqlite_master WHERE type = 'table'",
            "SELECT COUNT(*) FROM pragma_table_info($1)",
        ),
        Kind::PostgreSql | Kind::Partitioned => (
            "SELECT CAST(relname AS TEXT) FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace) \
             AND relkind IN ('r', 'p') AND NOT relispartition",
            "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1",
        ),
    };
    let tables: Vec<String> = sqlx::query_scalar(tables)
        .fetch_all(&mut raw)
        .await
        .unwrap();
    // All but the list of migrations, which the manifest holds, and the list of objects beside them.
    assert_eq!(made.manifest.files.len(), tables.len());
    for table in tables.iter().filter(|table| *table != "schema_migrations") {
        let count: i64 = sqlx::query_scalar(columns)
            .bind(table.as_str())
            .fetch_one(&mut raw)
            .await
            .unwrap();
        let file = fs::read(setup.path("backup").join("tables").join(table)).unwrap();
        assert_eq!(
            i64::from(u16::from_be_bytes([file[4], file[5]])),
            count,
            "{table}"
        );
    }
}

/// What works once, or for a while, is over; a place that may have been given since is not given.
pub(crate) async fn what_was_used_since_does_not_come_alive_again(setup: &Setup) {
    setup.spoil();
    let holder = setup.driver(1).await.id;
    let current = setup.issued(&holder).await;
    let store = &setup.store;
    let code = NumericCodeRow {
        code: store.blind("numeric-code", b"1"),
        holder: holder.clone(),
        e_licence: current.e_licence.id.clone(),
        made_at: after(90),
        expires_at: after(3600),
    };
    let session = Session {
        kind: SessionKind::Holder,
        owner: holder.to_string(),
        device: None,
        created_at: after(1),
        expires_at: after(9999),
    };
    let activation = ActivationId::generate(holder.partition(), &mut setup.rng());
    write_in(store, holder.partition(), async |tx| {
        tx.insert_numeric_code(&code).await?;
        tx.insert_session(&[7; 32], &session).await?;
        let activation = (&activation, &code.code);
        tx.insert_activation_code(activation, &holder, "stf_counter", after(1), after(9999))
            .await
    })
    .await
    .unwrap();
    assert!(
        store
            .lease("job", "node-1", start(), after(9999))
            .await
            .unwrap()
    );
    setup.back_up("backup").await;
    let given: Vec<StatusPlace> = setup.places(&holder, 5).await;

    let target = setup.target(setup.kind, "target");
    restore(&setup.path("backup"), &target).await.unwrap();
    let store = open(&target, 7).await.unwrap();
    let partition = holder.partition();
    let found = store
        .peek_numeric_code((partition, &code.code), "", after(100))
        .await;
    assert!(matches!(found.unwrap(), CodeUse::AlreadyUsed(_)));
    assert!(store.session(partition, &[7; 32]).await.unwrap().is_none());
    assert!(!has_activation_code(&store, &holder).await);
    assert!(
        store
            .lease("job", "node-2", start(), after(9999))
            .await
            .unwrap()
    );
    for _ in 0..5 {
        let place = store.reserve_status_place(partition).await.unwrap();
        assert!(!given.contains(&place));
    }
    store.close().await;
}

/// One that stands may have been withdrawn since, and is asked for anew; one to a single check covered what
/// is over.
pub(crate) async fn consents_that_stood_end_and_those_to_a_check_stay(setup: &Setup) {
    let holder = setup.driver(1).await.id;
    let mut rng = setup.rng();
    let to_a_check = PersonCheckId::generate(holder.partition(), &mut rng);
    let consents = [None, Some(to_a_check)].map(|check| FaceConsentRow {
        id: FaceConsentId::generate(holder.partition(), &mut rng),
        holder: holder.clone(),
        purpose: FacePurpose::PersonCheck,
        text_version: "1".to_owned(),
        device: DeviceId::generate(holder.partition(), &mut rng),
        check,
        given_at: after(10),
        withdrawn_at: None,
    });
    write(&setup.store, &holder, async |tx, locked| {
        for consent in &consents {
            tx.insert_face_consent(locked, consent).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
    setup.back_up("backup").await;
    let target = setup.target(setup.kind, "target");
    restore(&setup.path("backup"), &target).await.unwrap();
    let store = open(&target, 7).await.unwrap();
    let found = store.face_consents_of(&holder).await.unwrap();
    assert_eq!(found.len(), 2);
    for consent in &found {
        let stood = consent.check.is_none();
        assert_eq!(consent.withdrawn_at.is_some(), stood, "{:?}", consent.id);
    }
    store.close().await;
}

async fn has_activation_code(store: &Store, holder: &HolderId) -> bool {
    let mut tx = store.begin_in(holder.partition()).await.unwrap();
    let open = tx.try_activation_code(holder, 5, after(100)).await;
    open.unwrap().is_some()
}

impl Setup {
    async fn places(&self, holder: &HolderId, count: u32) -> Vec<StatusPlace> {
        let mut places = Vec::new();
        for _ in 0..count {
            let place = self.store.reserve_status_place(holder.partition()).await;
            places.push(place.unwrap());
        }
        places
    }
}

/// Each kind of damage is refused by its name, before anything is written.
pub(crate) async fn a_damaged_backup_is_refused_before_anything_is_written(setup: &Setup) {
    setup.spoil();
    let one = Everything::of(setup, 1).await;
    setup.back_up("backup").await;
    let folder = setup.path("backup");
    let photo = format!(
        "objects/photos/{:03x}/{}",
        one.photo.partition().number(),
        one.photo.as_str()
    );
    let target = setup.target(setup.kind, "target");
    let files = [
        "tables/drivers",
        "tables/leases",
        "objects.ndjson",
        &photo,
        "manifest",
    ];
    for name in files {
        let path = folder.join(name);
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        let middle = good.len() / 2;
        flipped[middle] ^= 1;
        let cut = good[..good.len() - 1].to_vec();
        let mut longer = good.clone();
        longer.push(b'\n');
        for bad in [flipped, cut, longer] {
            fs::write(&path, &bad).unwrap();
            let refused = restore(&folder, &target).await.unwrap_err();
            assert!(
                matches!(&refused, BackupError::Damaged(told) if told == name),
                "{name}: {refused:?}"
            );
        }
        fs::remove_file(&path).unwrap();
        let refused = restore(&folder, &target).await.unwrap_err();
        let damaged = matches!(&refused, BackupError::Damaged(told) if told == name);
        let expected = damaged || name == "manifest" && matches!(refused, BackupError::Incomplete);
        assert!(expected, "{name}: {refused:?}");
        fs::write(&path, good).unwrap();
    }
    assert_eq!(tables(&target).await, 0);
    assert!(fs::read_dir(&target.objects).unwrap().next().is_none());
    restore(&folder, &target).await.unwrap();
}

async fn tables(target: &StoreOptions) -> i64 {
    let (url, text) = match target.url.strip_prefix("sqlite:") {
        Some(path) if !Path::new(path).exists() => return 0,
        Some(_) => (
            format!("{}?mode=rw", target.url),
            "SELECT COUNT(*) FROM sqlite_master",
        ),
        None => (
            target.url.clone(),
            "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'",
        ),
    };
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    let count = sqlx::query_scalar(text).fetch_one(&mut connection).await;
    connection.close().await.unwrap();
    count.unwrap()
}

/// Other keys, a target that holds something, a folder that exists.
pub(crate) async fn what_does_not_fit_is_refused(setup: &Setup) {
    setup.spoil();
    Everything::of(setup, 1).await;
    setup.back_up("backup").await;
    let folder = setup.path("backup");
    let again = setup.store.backup(&folder, None, &steward()).await;
    assert!(matches!(again, Err(BackupError::Exists)));

    let mut other = keys();
    other.master[0] ^= 1;
    assert!(matches!(
        CheckedBackup::open(&folder, &other),
        Err(BackupError::OtherKey)
    ));
    let target = setup.target(setup.kind, "target");
    let checked = CheckedBackup::open(&folder, &keys()).unwrap();
    let other = MasterKeys {
        master: keys().master,
        index: [0x33; 32],
    };
    let (past, by) = (Past::default(), steward());
    let refused = checked
        .restore(&target, &other, &past, &by, &mut random::seeded(9))
        .await;
    assert!(matches!(
        refused,
        Err(BackupError::Store(StoreError::Mismatch(_)))
    ));
    // That left nothing behind.
    assert_eq!(tables(&target).await, 0);
    assert_eq!(objects(&target.objects), 0);

    let refused = restore(&folder, &setup.options).await;
    assert!(matches!(refused, Err(BackupError::NotEmpty(_))));
    fs::write(target.objects.join("something"), "else").unwrap();
    let refused = restore(&folder, &target).await;
    assert!(matches!(refused, Err(BackupError::NotEmpty(_))));
    assert_eq!(tables(&target).await, 0);
    assert!(target.objects.join("something").exists());
}

fn objects(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        count += if path.is_dir() { objects(&path) } else { 1 };
    }
    count
}

/// An object that is unchanged since an earlier backup is linked; one that is missing is told.
pub(crate) async fn an_earlier_backup_spares_what_is_unchanged(setup: &Setup) {
    setup.spoil();
    let (first, second) = (
        Everything::of(setup, 1).await,
        Everything::of(setup, 2).await,
    );
    fs::remove_file(second.photo_file(setup)).unwrap();
    let made = setup.back_up("first").await;
    assert_eq!((made.manifest.objects, made.manifest.missing), (1, 1));
    assert_eq!(made.missing.len(), 1);
    assert!(made.missing[0].ends_with(second.photo.as_str()));
    let base = setup.path("first");
    let folder = setup.path("second");
    let made = setup.store.backup(&folder, Some(&base), &steward()).await;
    let made = made.unwrap();
    assert_eq!((made.manifest.objects, made.shared), (1, 1));
    let target = setup.target(setup.kind, "target");
    restore(&folder, &target).await.unwrap();
    let store = open(&target, 7).await.unwrap();
    first.reads_as_written(&store).await;
    let acts: Vec<String> = store
        .audit_after(Partition::SYSTEM, 0, 500)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.act)
        .filter(|act| act.starts_with("backup.") || act.starts_with("store."))
        .collect();
    assert_eq!(
        acts,
        [
            "backup.begun",
            "backup.finished",
            "backup.begun",
            "store.restored"
        ]
    );
    store.close().await;
}
