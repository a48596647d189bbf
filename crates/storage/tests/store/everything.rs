//! One driver with a value in every sealed column, and a photo file.

use std::path::PathBuf;

use jiff::civil::date;
use licence::{
    Due,
    application::{PhotoOrigin, Stage},
    person_check::{Method, Outcome},
    photo::{Profile, Verdict},
};
use storage::{
    AppealRow, ApplicationId, ClientKind, ClosedCheck, CredentialId, Device, DeviceId, DeviceProof,
    FaceTemplateRow, FacesNear, HolderId, NewPersonCheck, NewSanctionStep, NewText, Partition,
    PersonCheckId, PhotoComparisonRow, PhotoFindingsRow, PhotoId, PhotoMeta, PhotoRow,
    Presentation, PushSubscription, PushSubscriptionId, SanctionId, SanctionStepId, SigningKeyRow,
    Staff, StaffId, StepKind, Store, TextId, VerificationId, VerificationRow,
};
use zeroize::Zeroizing;

use crate::{
    harness::{Setup, after, start},
    people,
    steps::{write, write_in},
};

const OFFICE: &str = "110101";

/// How many sealed values it makes; a credential has two forms, and three that fit into a code. There are
/// two applications.
pub(crate) const VALUES: u64 = 23;
/// The same with the photo file.
pub(crate) const WITH_FILE: u64 = VALUES + 1;

#[derive(Debug)]
pub(crate) struct Everything {
    n: u32,
    pub(crate) holder: HolderId,
    pub(crate) photo: PhotoId,
    pub(crate) application: ApplicationId,
    /// A second one, whose rejection is appealed.
    pub(crate) appealed: ApplicationId,
    pub(crate) check: PersonCheckId,
    pub(crate) credential: CredentialId,
    pub(crate) look_up: VerificationId,
    pub(crate) text: TextId,
    device: DeviceId,
    subscription: PushSubscriptionId,
    sanction: SanctionId,
    step: SanctionStepId,
    pub(crate) staff: StaffId,
    key_id: &'static str,
}

impl Everything {
    /// Driver number `n`; at most two in one store.
    pub(crate) async fn of(setup: &Setup, n: u32) -> Self {
        let holder = setup.driver(n).await.id;
        let current = setup.issued(&holder).await;
        let appealed = setup.applied(&holder).await;
        let mut rng = setup.rng();
        let partition = holder.partition();
        let everything = Self {
            n,
            photo: PhotoId::generate(partition, &mut rng),
            application: current.e_licence.application,
            appealed,
            check: PersonCheckId::generate(partition, &mut rng),
            credential: current.credential.unwrap().id,
            look_up: VerificationId::generate(partition, &mut rng),
            text: TextId::generate(partition, &mut rng),
            device: DeviceId::generate(partition, &mut rng),
            subscription: PushSubscriptionId::generate(partition, &mut rng),
            sanction: SanctionId::generate(partition, &mut rng),
            step: SanctionStepId::generate(partition, &mut rng),
            staff: StaffId::generate(Partition::SYSTEM, &mut rng),
            key_id: if n.is_multiple_of(2) { "bb02" } else { "aa01" },
            holder,
        };
        everything.insert(setup).await;
        everything
    }

    async fn insert(&self, setup: &Setup) {
        let store = &setup.store;
        let bytes = self.photo_bytes();
        store
            .put_photo_bytes(&self.holder, &self.photo, &bytes)
            .await
            .unwrap();
        write_in(store, self.holder.partition(), async |tx| {
            tx.insert_photo(&self.photo_row()).await?;
            let look_up = store.seal_verification(self.look_up_row()).unwrap();
            tx.insert_verifications(&[&look_up]).await?;
            tx.insert_photo_comparison(&self.comparison()).await?;
            tx.queue_text(&self.new_text()).await
        })
        .await
        .unwrap();
        let office = store.office_partition(OFFICE);
        write_in(store, office, async |tx| {
            tx.keep_face_template(&self.template()).await
        })
        .await
        .unwrap();
        let former = self.former_phone();
        write(store, &self.holder, async |tx, locked| {
            tx.hold_phone(locked, after(86_400), Some(&former)).await?;
            let (from, appeal) = ((&self.appealed, Stage::UnderReview), self.appeal());
            tx.reject_application(locked, from, &appeal.first_by, "{}", after(20))
                .await?;
            tx.insert_appeal(locked, &appeal, Due::PendingCalendar)
                .await?;
            tx.insert_photo_findings(locked, &self.findings()).await?;
            tx.open_person_check(locked, &self.check()).await?;
            let closed = self.closed_check();
            tx.close_person_check(locked, &self.check, &closed).await?;
            tx.insert_presentation(locked, &self.credential, &self.presentation())
                .await?;
            let secret = format!("device {}", self.n);
            tx.insert_device(locked, &self.device_row(), secret.as_bytes())
                .await?;
            tx.put_push_subscription(locked, &self.subscription_row())
                .await?;
            tx.add_sanction_step(locked, &self.sanction_step()).await
        })
        .await
        .unwrap();
        write_in(store, Partition::SYSTEM, async |tx| {
            tx.insert_staff(&self.officer(), start()).await?;
            let secret = self.factor_secret();
            tx.begin_factor(&self.staff, 7, &secret, start()).await?;
            tx.insert_signing_key(&self.key(), after(i64::from(self.n)))
                .await
        })
        .await
        .unwrap();
    }

    /// Every value opens and says what was written.
    pub(crate) async fn reads_as_written(&self, store: &Store) {
        let driver = store.driver(&self.holder).await.unwrap().unwrap();
        assert_eq!(
            driver.record,
            people::record(self.n, driver.registry_version)
        );
        let former = store.former_phone(&self.holder, start()).await.unwrap();
        assert_eq!(*former.unwrap(), self.former_phone());
        let photo = store.photo(&self.photo).await.unwrap().unwrap();
        assert_eq!(photo.meta, self.photo_row().meta);
        let bytes = store.photo_bytes(&self.holder, &self.photo).await.unwrap();
        assert_eq!(*bytes, self.photo_bytes());
        let findings = store.photo_findings(&self.photo).await.unwrap().unwrap();
        assert_eq!(findings.findings, self.findings().findings);
        let check = store.person_check(&self.check).await.unwrap().unwrap();
        let measured = check.closed.unwrap().distances;
        assert_eq!(measured, self.closed_check().distances);
        let application = store.application(&self.application).await.unwrap().unwrap();
        let identity = application.identity.unwrap();
        assert_eq!(*identity, br#"{"v":1,"document":"id-card"}"#.to_vec());
        let appeal = store.appeal(&self.appealed).await.unwrap().unwrap();
        assert_eq!(appeal.text, self.appeal().text);
        let near = FacesNear {
            office: Some(OFFICE),
            ..FacesNear::default()
        };
        let templates = store.face_templates(&near, (start(), start()), 9).await;
        let templates = templates.unwrap();
        let kept = templates.iter().find(|row| row.holder == self.holder);
        assert_eq!(kept.unwrap().template, self.template().template);
        let compared = store.photo_comparison(&self.application).await;
        assert_eq!(
            compared.unwrap().unwrap().distances,
            self.comparison().distances
        );
        let forms = store.forms(&self.holder, &self.credential).await.unwrap();
        assert_eq!(forms.len(), 2);
        for form in forms {
            assert_eq!(*form.form, format!("signed by {}", form.suite).into_bytes());
        }
        let look_ups = store.verifications_of(&self.holder, 10).await.unwrap();
        assert_eq!(look_ups.len(), 1);
        assert_eq!(look_ups[0].answer, self.look_up_row().answer);
        let text = store.text(&self.text).await.unwrap().unwrap();
        assert_eq!(text.to, self.new_text().to);
        // A restore ends them; everywhere else they are counted.
        let told = store.push_subscriptions_of(&self.holder).await.unwrap();
        let target = self.subscription_row().target;
        assert!(told.iter().all(|one| one.target == target));
        let steps = store.sanction_steps(&self.sanction).await.unwrap();
        let statement = steps[0].statement.as_ref().map(|text| text.as_str());
        assert_eq!(statement, self.sanction_step().statement);
        self.of_codes_reads_as_written(store).await;
        self.of_staff_and_keys_reads_as_written(store).await;
    }

    fn sanction_step(&self) -> NewSanctionStep<'_> {
        NewSanctionStep {
            id: self.step.clone(),
            sanction: &self.sanction,
            kind: StepKind::Proposed,
            actor: "stf_test".to_owned(),
            at: after(100),
            statement: Some(if self.n.is_multiple_of(2) {
                "even"
            } else {
                "odd"
            }),
        }
    }

    async fn of_codes_reads_as_written(&self, store: &Store) {
        let shown = store.presentation(&self.holder, &self.credential).await;
        let (shown, written) = (shown.unwrap().unwrap(), self.presentation());
        assert_eq!((shown.suite, shown.key_id), (written.suite, written.key_id));
        assert_eq!(shown.record_version, written.record_version);
        assert_eq!(shown.enforcement_to, written.enforcement_to);
        assert_eq!(shown.public, written.public);
        assert_eq!(shown.enforcement, written.enforcement);
        assert_eq!(shown.portrait, written.portrait);
    }

    async fn of_staff_and_keys_reads_as_written(&self, store: &Store) {
        let officer = store.staff(&self.staff).await.unwrap().unwrap();
        assert_eq!(officer.name, self.officer().name);
        let factor = store.staff_factor(&self.staff).await.unwrap().unwrap();
        assert_eq!(*factor.secret, self.factor_secret());
        let keys = store.signing_keys().await.unwrap();
        let key = keys.iter().find(|key| key.key_id == self.key_id).unwrap();
        assert_eq!(key.secret, self.key().secret);
    }

    pub(crate) fn photo_file(&self, setup: &Setup) -> PathBuf {
        setup
            .options
            .objects
            .join("photos")
            .join(format!("{:03x}", self.photo.partition().number()))
            .join(self.photo.as_str())
    }

    fn former_phone(&self) -> String {
        format!("1990000000{}", self.n)
    }

    fn photo_bytes(&self) -> Vec<u8> {
        format!("a drawn portrait, number {}", self.n).into_bytes()
    }

    fn photo_row(&self) -> PhotoRow {
        PhotoRow {
            id: self.photo.clone(),
            holder: self.holder.clone(),
            source: PhotoOrigin::Counter,
            meta: PhotoMeta {
                sha256: format!("{:064x}", self.n),
                media_type: "image/jpeg".to_owned(),
                width: 358,
                height: 441,
                taken_on: Some(date(2024, 8, 30)),
            },
            created_at: after(5),
        }
    }

    fn appeal(&self) -> AppealRow {
        AppealRow {
            application: self.appealed.clone(),
            holder: self.holder.clone(),
            text: Zeroizing::new(format!("申诉理由 {}", self.n)),
            filed_at: after(30),
            first_by: "stf_reviewer".to_owned(),
            first_at: after(20),
            first_reasons: "{}".to_owned(),
        }
    }

    fn template(&self) -> FaceTemplateRow {
        FaceTemplateRow {
            application: self.application.clone(),
            holder: self.holder.clone(),
            office: OFFICE.to_owned(),
            device: None,
            source: None,
            created_at: after(16),
            expires_at: after(86_400),
            template: Zeroizing::new(format!("a face, number {}", self.n).into_bytes()),
        }
    }

    fn comparison(&self) -> PhotoComparisonRow {
        PhotoComparisonRow {
            application: self.application.clone(),
            holder: self.holder.clone(),
            photo: self.photo.clone(),
            other: self.photo.clone(),
            outcome: "officer".to_owned(),
            distances: Zeroizing::new(format!("two photos apart by {}", self.n).into_bytes()),
            compared_at: after(15),
        }
    }

    fn findings(&self) -> PhotoFindingsRow {
        let found = format!(r#"{{"v":1,"eyes of":{}}}"#, self.n);
        PhotoFindingsRow {
            photo: self.photo.clone(),
            holder: self.holder.clone(),
            profile: Profile::Submitted,
            verdict: Verdict::Officer,
            findings: Zeroizing::new(found.into_bytes()),
            created_at: after(6),
        }
    }

    fn check(&self) -> NewPersonCheck {
        NewPersonCheck {
            id: self.check.clone(),
            application: Some(self.application.clone()),
            photo: self.photo.clone(),
            method: Method::Frames,
            here: Some((self.device_row().id, vec![7; 32])),
            device_key: [4; 65],
            challenge: "turn-left,blink,turn-right".to_owned(),
            nonce: [9; 32],
            opened_at: after(7),
            expires_at: after(9),
        }
    }

    fn closed_check(&self) -> ClosedCheck {
        let measured = format!(r#"{{"v":1,"apart":{}}}"#, self.n);
        ClosedCheck {
            outcome: Outcome::Match,
            reasons: r#"{"v":1,"codes":[]}"#.to_owned(),
            distances: Some(Zeroizing::new(measured.into_bytes())),
            at: after(8),
        }
    }

    fn presentation(&self) -> Presentation {
        let form = |kind| Zeroizing::new(format!("{kind} form {}", self.n).into_bytes());
        Presentation {
            suite: "SM2-SM3".to_owned(),
            key_id: "00ff".to_owned(),
            record_version: 1,
            enforcement_to: Some("eeff".to_owned()),
            public: form("public"),
            enforcement: Some(form("enforcement")),
            portrait: Some(form("portrait")),
        }
    }

    fn look_up_row(&self) -> VerificationRow {
        VerificationRow {
            id: self.look_up.clone(),
            holder: self.holder.clone(),
            verifier: "stf_police".to_owned(),
            office: "510101".to_owned(),
            purpose: "enforcement".to_owned(),
            at: after(90),
            answer: Zeroizing::new(format!(r#"{{"v":1,"n":{}}}"#, self.n).into_bytes()),
        }
    }

    fn new_text(&self) -> NewText {
        NewText {
            id: self.text.clone(),
            holder: self.holder.clone(),
            notification: None,
            kind: "phone-code",
            to: Zeroizing::new(format!("139{:08}", self.n)),
            params: Zeroizing::new(format!(r#"{{"v":1,"code":"secret code {}"}}"#, self.n)),
            created_at: after(95),
            expires_at: after(900),
        }
    }

    fn device_row(&self) -> Device {
        Device {
            id: self.device.clone(),
            holder: self.holder.clone(),
            client: ClientKind::Phone,
            proof: DeviceProof::CounterCode,
            created_at: start(),
            last_seen_at: start(),
            expires_at: after(86_400),
            ended_at: None,
        }
    }

    fn subscription_row(&self) -> PushSubscription {
        PushSubscription {
            id: self.subscription.clone(),
            holder: self.holder.clone(),
            device: self.device.clone(),
            target: Zeroizing::new(format!(r#"{{"v":1,"endpoint":"where {} hears"}}"#, self.n)),
            created_at: after(96),
        }
    }

    fn officer(&self) -> Staff {
        Staff {
            id: self.staff.clone(),
            login: format!("login{}", self.n),
            name: format!("演示员{}", self.n),
            password_hash: "$argon2id$".to_owned(),
            roles: vec!["counter".to_owned()],
            office: None,
            own_licence: None,
            disabled_at: None,
        }
    }

    fn factor_secret(&self) -> Vec<u8> {
        format!("second factor {}", self.n).into_bytes()
    }

    fn key(&self) -> SigningKeyRow {
        SigningKeyRow {
            key_id: self.key_id.to_owned(),
            suite: "ES256".to_owned(),
            secret: Zeroizing::new(format!("secret of {}", self.key_id).into_bytes()),
            not_before: start(),
            not_after: after(86_400),
        }
    }
}
