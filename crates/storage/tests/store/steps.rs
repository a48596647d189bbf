//! The steps of the main job, as short as a test can take them.

use jiff::Timestamp;
use licence::{
    Due,
    application::{Kind, PhotoOrigin},
};
use storage::{
    ApplicationId, Committed, CredentialId, CurrentELicence, Driver, DriverWrite, ELicenceId,
    FormRow, HolderId, Locked, NewApplication, NewCredential, NewELicence, Partition, PhotoId,
    SealedDriver, StatusPlace, Store, StoreError, Tx, audit::Entry, outbox::Event,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, start},
    people,
};

pub(crate) fn entry(act: &'static str) -> Entry {
    Entry::new(start(), act, "stf_test", "request-1")
}

/// A driver sealed as it is written.
pub(crate) fn driver_write(
    store: &Store,
    id: &HolderId,
    n: u32,
    version: i64,
    photo: Option<PhotoId>,
) -> SealedDriver {
    let plain = plain_driver(store, id, n, version, photo);
    store.seal_driver(plain).unwrap()
}

pub(crate) fn plain_driver(
    store: &Store,
    id: &HolderId,
    n: u32,
    version: i64,
    photo: Option<PhotoId>,
) -> DriverWrite {
    let record = people::record(n, version);
    let digest = store.blind("record", format!("{n} {version}").as_bytes());
    DriverWrite {
        id: id.clone(),
        registry_gap: false,
        record,
        digest,
        status_value: 0,
        next_transition_at: Some(after(86_400)),
        photo,
        named_under: store.index_version(),
    }
}

/// Locks the driver as it now is, lets `act` write, and commits.
pub(crate) async fn write<T>(
    store: &Store,
    holder: &HolderId,
    act: impl AsyncFnOnce(&mut Tx, &Locked) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let revision = store.driver(holder).await?.unwrap().revision;
    let (mut tx, locked) = store.begin(holder, revision).await?;
    let made = act(&mut tx, &locked).await?;
    tx.commit(entry("test.written").about(holder), Vec::new())
        .await?;
    Ok(made)
}

/// Writes in `partition` and commits with one audit row.
pub(crate) async fn write_in<T>(
    store: &Store,
    partition: Partition,
    act: impl AsyncFnOnce(&mut Tx) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut tx = store.begin_in(partition).await?;
    let made = act(&mut tx).await?;
    tx.commit(entry("test.written"), Vec::new()).await?;
    Ok(made)
}

/// Commits one audit row and one event about `holder`.
pub(crate) async fn touch(store: &Store, holder: &HolderId) -> Result<Committed, StoreError> {
    let tx = store.begin_in(holder.partition()).await?;
    tx.commit(entry("test.touched").about(holder), vec![changed(holder)])
        .await
}

pub(crate) fn changed(holder: &HolderId) -> Event {
    Event::DriverChanged {
        holder: holder.clone(),
    }
}

pub(crate) fn new_application(setup: &Setup, holder: &HolderId) -> NewApplication {
    let mut rng = setup.rng();
    NewApplication {
        id: ApplicationId::generate(holder.partition(), &mut rng),
        kind: Kind::First,
        photo_source: PhotoOrigin::Counter,
        office: "110101".to_owned(),
        photo: PhotoId::generate(holder.partition(), &mut rng),
        identity: Zeroizing::new(br#"{"v":1,"document":"id-card"}"#.to_vec()),
        submitted_by: "stf_counter".to_owned(),
        submitted_at: after(10),
        due: Due::At(after(86_400)),
    }
}

pub(crate) fn new_e_licence(
    setup: &Setup,
    holder: &HolderId,
    application: &ApplicationId,
    at: Timestamp,
) -> NewELicence {
    let mut rng = setup.rng();
    NewELicence {
        id: ELicenceId::generate(holder.partition(), &mut rng),
        application: application.clone(),
        edition: 1,
        photo: PhotoId::generate(holder.partition(), &mut rng),
        generated_at: at,
    }
}

pub(crate) fn new_credential(
    setup: &Setup,
    e_licence: &ELicenceId,
    place: StatusPlace,
) -> NewCredential {
    NewCredential {
        id: CredentialId::generate(e_licence.partition(), &mut setup.rng()),
        e_licence: e_licence.clone(),
        binding: None,
        place,
        status_value: 0,
        issued_at: after(60),
        expires_at: after(31_536_000),
        forms: ["ES256", "SM2-with-SM3"]
            .map(|suite| FormRow {
                suite: suite.to_owned(),
                key_id: "00ff".to_owned(),
                form: Zeroizing::new(format!("signed by {suite}").into_bytes()),
            })
            .to_vec(),
    }
}

impl Setup {
    /// Adds driver number `n` in `partition`.
    pub(crate) async fn driver_in(&self, partition: Partition, n: u32) -> Driver {
        let mut rng = self.rng();
        let id = HolderId::generate(partition, &mut rng);
        let photo = PhotoId::generate(partition, &mut rng);
        let new = driver_write(&self.store, &id, n, 1, Some(photo));
        let mut tx = self.store.begin_in(partition).await.unwrap();
        tx.insert_drivers(std::slice::from_ref(&new), start())
            .await
            .unwrap();
        tx.commit(entry("registry.imported").about(&id), vec![changed(&id)])
            .await
            .unwrap();
        self.reread(&id).await
    }

    /// Adds driver number `n` in some partition.
    pub(crate) async fn driver(&self, n: u32) -> Driver {
        let partition = HolderId::random(&mut self.rng()).partition();
        self.driver_in(partition, n).await
    }

    pub(crate) async fn reread(&self, holder: &HolderId) -> Driver {
        self.store.driver(holder).await.unwrap().unwrap()
    }

    /// A counter application, under review.
    pub(crate) async fn applied(&self, holder: &HolderId) -> ApplicationId {
        let new = new_application(self, holder);
        write(&self.store, holder, async |tx, locked| {
            tx.insert_counter_application(locked, &new).await
        })
        .await
        .unwrap();
        new.id
    }

    /// An approved application.
    pub(crate) async fn approved(&self, holder: &HolderId) -> ApplicationId {
        let id = self.applied(holder).await;
        write(&self.store, holder, async |tx, locked| {
            tx.approve_application(locked, &id, "stf_reviewer", after(30))
                .await
        })
        .await
        .unwrap();
        id
    }

    /// An issued e-licence with its first credential.
    pub(crate) async fn issued(&self, holder: &HolderId) -> CurrentELicence {
        let application = self.approved(holder).await;
        let place = self
            .store
            .reserve_status_place(holder.partition())
            .await
            .unwrap();
        let revision = self.reread(holder).await.revision;
        let e_licence = new_e_licence(self, holder, &application, after(60));
        let credential = new_credential(self, &e_licence.id, place);
        issue(&self.store, holder, revision, &e_licence, &credential)
            .await
            .unwrap();
        self.store.current_e_licence(holder).await.unwrap().unwrap()
    }
}

/// Commits an issue that was prepared at `revision`.
pub(crate) async fn issue(
    store: &Store,
    holder: &HolderId,
    revision: u64,
    e_licence: &NewELicence,
    credential: &NewCredential,
) -> Result<Committed, StoreError> {
    let (mut tx, locked) = store.begin(holder, revision).await?;
    tx.insert_e_licence(&locked, e_licence).await?;
    tx.insert_credential(&locked, credential).await?;
    tx.mark_issued(&locked, &e_licence.application, &e_licence.id)
        .await?;
    let event = Event::CredentialStatus {
        holder: holder.clone(),
        place: credential.place,
        value: credential.status_value,
    };
    tx.commit(entry("e-licence.issued").about(holder), vec![event])
        .await
}
