//! Status lists for others: published period by period, signed by the online keys, served as they
//! were published, and retired when their credentials have expired.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aws_lc_rs::digest::{Context, SHA256};
use credential::{
    IssueError, ListClaims, NumericDate, Signer, StatusList, Suite, Width,
    status_list::{sign_cwt, sign_jwt},
};
use jiff::{SignedDuration, Timestamp};
use storage::{
    Conflict, Cursors, FormFacts, LIST_SIZE, ListForm, ListToPublish, Partition, PublishedList,
    StoreError, TokenForm,
};

use crate::{
    Act, Authority, Error, Measure, Role, refusal,
    views::{StatusFormView, StatusListView, StatusListsView},
};

/// After this a published list is stale: what it says is told with its time and counts as valid no
/// more. A terminal that is filled before a shift lasts through it. Whoever keeps newer lists from a
/// verifier gains a day at most in which a suspended licence passes there.
const LIST_LASTS: SignedDuration = SignedDuration::from_hours(24);
/// A list whose values stay the same is signed anew after this, so that what is said of it is not
/// said of yesterday, and a copy that is fetched now lasts nearly its whole day.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// A list names an instant this much before its values were read. An act reads the clock when it
/// begins and commits later, within the time that a request may take: without this a credential that
/// says to have been signed before the list might have its place in it only after, where it reads
/// "invalid". Verifiers take a list for credentials signed before its instant only.
const BACKDATED: SignedDuration = SignedDuration::from_secs(30);
/// Lists read, signed and written at once: 8 MB of values.
const AT_ONCE: usize = 16;
/// Who publishes keeps the others from it for so long. Each part renews it.
const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// The least that a copy may be kept, in seconds, when the next publication is overdue.
const LEAST_AGE: i64 = 15;

/// Who asks for a list.
#[derive(Debug)]
pub enum Audience<'a> {
    /// Anybody: two bits, red is told as suspended.
    Public,
    /// An authorised verifier: four bits.
    Verifier(&'a Act),
}

/// Which form of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// The list's number.
    pub number: u32,
    /// The suite of its signature; that of codes where nothing is said.
    pub suite: Option<String>,
    /// How it is written.
    pub form: TokenForm,
}

/// A list as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAnswer {
    /// Names these bytes.
    pub tag: String,
    /// Seconds for which a copy may be kept.
    pub max_age: i64,
    /// The bytes; none where the asker knows them already.
    pub document: Option<Vec<u8>>,
}

/// What one run publishes with.
struct Run {
    signers: Vec<Arc<dyn Signer>>,
    /// When the last of the keys that signed lists was revoked; an instant that cannot lie before it.
    distrusted: Option<Timestamp>,
    before: BTreeMap<u32, PublishedList>,
    address: String,
    now: Timestamp,
    issued_at: NumericDate,
    ttl: u64,
}

impl Authority {
    /// Publishes every list that changed, has never been published, or was signed too long ago, when
    /// the period is over or a list is new; also retires lists. Answers how many were published.
    /// One node at a time does it.
    ///
    /// # Errors
    /// When the store cannot be reached or a key does not sign. What was not published is at the
    /// next run.
    pub async fn publish_status_lists(&self, act: &Act, node: &str) -> Result<u64, Error> {
        let Some(run) = self.prepare_run(act).await? else {
            return Ok(0);
        };
        let newest = self.store().publication().await?;
        let period = self.inner.settings.status_period;
        // Lists by a key that is trusted no more are nobody's lists: others take their place at once.
        let period_over = newest.as_ref().is_none_or(|newest| {
            newest.at + period <= act.now || run.distrusted.is_some_and(|at| newest.at < at)
        });
        let mut lists = self.inner.plane.lists();
        lists.retain(|list| period_over || !run.before.contains_key(list));
        if lists.is_empty() || !self.may_publish(act, node).await? {
            return Ok(0);
        }
        if period_over {
            let retired = self.retire_lists(act, &run, &lists).await?;
            lists.retain(|list| !retired.contains(list));
        }
        let edition = newest.as_ref().map_or(0, |newest| newest.edition);
        // Only the last part says that the period was published: cut off before, it is done again.
        let unfinished = newest.map_or(Timestamp::UNIX_EPOCH, |newest| newest.at);
        let finished = if period_over { act.now } else { unfinished };
        let run = (run, edition, unfinished, finished);
        match self.publish(act, node, run, lists).await {
            // Another node publishes, and knows no less.
            Err(Error::Store(StoreError::Conflict(Conflict::Cursor))) => Ok(0),
            other => other,
        }
    }

    /// Nothing where there are no keys for it. Also learns of lists that another node retired.
    async fn prepare_run(&self, act: &Act) -> Result<Option<Run>, Error> {
        let before = self.store().published_lists().await?;
        for list in before.iter().filter(|list| list.retired_at.is_some()) {
            self.inner.plane.retire(list.list);
        }
        let Some(signing) = self.held_signing() else {
            return Ok(None);
        };
        let settings = &self.inner.settings;
        let issued_at = act.now.saturating_sub(BACKDATED).unwrap_or(act.now);
        let issued_at = NumericDate::floor(issued_at);
        // A key signs its first list half a minute after it was made, and until then the one before.
        let signers = signing.online_at(issued_at.timestamp());
        Ok((!signers.is_empty()).then(|| Run {
            signers,
            distrusted: signing.online_distrusted(),
            before: before.into_iter().map(|list| (list.list, list)).collect(),
            address: format!("{}/api/v1/status-lists", settings.base_url),
            now: act.now,
            issued_at,
            ttl: u64::try_from(settings.status_period.as_secs()).unwrap_or(1),
        }))
    }

    async fn may_publish(&self, act: &Act, node: &str) -> Result<bool, Error> {
        let until = act.now.saturating_add(LEASE).unwrap_or(act.now);
        let lease = self.store().lease("status-lists", node, act.now, until);
        Ok(lease.await?)
    }

    async fn publish(
        &self,
        act: &Act,
        node: &str,
        (run, mut edition, unfinished, finished): (Run, u64, Timestamp, Timestamp),
        lists: Vec<u32>,
    ) -> Result<u64, Error> {
        let run = Arc::new(run);
        let mut parts = lists.chunks(AT_ONCE).peekable();
        let mut published = 0_u64;
        while let Some(part) = parts.next() {
            let (cursors, values) = self.caught_up(part).await?;
            let signing = Arc::clone(&run);
            let signed = tokio::task::spawn_blocking(move || signing.sign_changed(values)).await;
            let signed = signed
                .map_err(|_panicked| Error::Internal("signing status lists panicked"))?
                .map_err(|_unsigned| Error::Internal("a status list could not be signed"))?;
            let last = parts.peek().is_none();
            let at = if last { finished } else { unfinished };
            edition = self.commit(act, (edition, at), &cursors, &signed).await?;
            published = published.saturating_add(u64::try_from(signed.len()).unwrap_or(u64::MAX));
            if !last && !self.may_publish(act, node).await? {
                break;
            }
        }
        Ok(published)
    }

    async fn commit(
        &self,
        act: &Act,
        (edition, at): (u64, Timestamp),
        cursors: &Cursors,
        lists: &[ListToPublish],
    ) -> Result<u64, Error> {
        let mut tx = self.store().begin_in(Partition::SYSTEM).await?;
        let edition = tx.publish_lists(edition, cursors, at, lists).await?;
        let numbers: Vec<u32> = lists.iter().map(|list| list.list).collect();
        let entry = act.entry("status-lists.published");
        let entry = entry.with("edition", edition).with("lists", numbers);
        tx.commit(entry, Vec::new()).await?;
        Ok(edition)
    }

    /// Retires the lists of which every place was handed out and every credential has expired:
    /// nobody can ask for a place there any more.
    async fn retire_lists(
        &self,
        act: &Act,
        run: &Run,
        lists: &[u32],
    ) -> Result<BTreeSet<u32>, Error> {
        let mut retired = BTreeSet::new();
        for list in lists.iter().filter(|list| run.before.contains_key(list)) {
            let store = self.store();
            if !store.list_is_full(*list).await? || store.list_is_alive(*list, act.now).await? {
                continue;
            }
            let mut tx = store.begin_in(Partition::SYSTEM).await?;
            tx.retire_list(*list, act.now).await?;
            let entry = act.entry("status-lists.retired").with("list", *list);
            tx.commit(entry, Vec::new()).await?;
            self.inner.plane.retire(*list);
            retired.insert(*list);
        }
        Ok(retired)
    }

    /// A list as published.
    ///
    /// # Errors
    /// [`refusal::NOT_FOUND`] for a list, suite or form that is not published;
    /// [`refusal::STATUS_LIST_RETIRED`]; the four bits are for the police only.
    pub async fn status_list(
        &self,
        audience: Audience<'_>,
        request: &ListRequest,
        now: Timestamp,
        known: impl Fn(&str) -> bool + Send + Sync,
    ) -> Result<ListAnswer, Error> {
        let bits = match audience {
            Audience::Public => 2,
            Audience::Verifier(act) => {
                act.staff(&[Role::Police])?;
                4
            }
        };
        let list = self.store().published_list(request.number).await?;
        let list = list.ok_or(refusal::NOT_FOUND)?;
        if list.retired_at.is_some() {
            return Err(refusal::STATUS_LIST_RETIRED.into());
        }
        let FormFacts { form, sha256, .. } = self.form_asked_for(request, bits).await?;
        let tag = hex::encode(&sha256);
        let max_age = self.max_age(&list, now);
        if known(&tag) {
            return Ok(ListAnswer {
                tag,
                max_age,
                document: None,
            });
        }
        // It may have been published anew since: these bytes have their own tag.
        let found = self.store().form_document(&form).await?;
        let (sha256, document) = found.ok_or(refusal::NOT_FOUND)?;
        Ok(ListAnswer {
            tag: hex::encode(sha256),
            max_age,
            document: Some(document),
        })
    }

    /// The form in the suite that is asked for or, where none is, in that of codes; where no key signs
    /// lists in that one now, in another.
    async fn form_asked_for(&self, request: &ListRequest, bits: u8) -> Result<FormFacts, Error> {
        let suites = if let Some(suite) = &request.suite {
            vec![suite.clone()]
        } else {
            let others = self.inner.settings.suites.iter().map(Suite::to_string);
            std::iter::once(self.code_suite().to_string())
                .chain(others)
                .collect()
        };
        for suite in suites {
            let form = ListForm {
                list: request.number,
                bits,
                suite,
                form: request.form,
            };
            if let Some(facts) = self.store().form_facts(&form).await? {
                return Ok(facts);
            }
        }
        Err(refusal::NOT_FOUND.into())
    }

    /// Until the next publication, as far as it is known.
    fn max_age(&self, list: &PublishedList, now: Timestamp) -> i64 {
        let period = self.inner.settings.status_period.as_secs();
        let age = now.duration_since(list.issued_at + BACKDATED).as_secs();
        period
            .saturating_sub(age)
            .clamp(LEAST_AGE, period.max(LEAST_AGE))
    }

    /// Every public list.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn status_lists(&self) -> Result<StatusListsView, Error> {
        let mut forms: BTreeMap<u32, Vec<FormFacts>> = BTreeMap::new();
        for facts in self.store().list_forms().await? {
            forms.entry(facts.form.list).or_default().push(facts);
        }
        let lists = self.store().published_lists().await?;
        let base = &self.inner.settings.base_url;
        let lists: Vec<StatusListView> = lists
            .into_iter()
            .filter(|list| list.retired_at.is_none())
            .map(|list| StatusListView {
                number: list.list,
                uri: format!("{base}/api/v1/status-lists/{}", list.list),
                entries: LIST_SIZE,
                issued_at: list.issued_at,
                expires_at: list.expires_at,
                forms: forms
                    .remove(&list.list)
                    .into_iter()
                    .flatten()
                    .filter(|facts| facts.form.bits == 2)
                    .map(form_view)
                    .collect(),
            })
            .collect();
        Ok(StatusListsView {
            status_lists: lists.iter().map(|list| list.uri.clone()).collect(),
            lists,
        })
    }

    /// How old the published lists are, and how far this node's memory lags behind.
    pub(crate) async fn status_measures(&self, now: Timestamp) -> Result<Vec<Measure>, Error> {
        let behind = self.inner.follower.lock().await.behind();
        let lists = self.inner.plane.lists().len();
        let mut measures = vec![
            Measure::gauge(
                "jiazhao_status_events_behind",
                "Events that this node had not learnt of at its last look.",
                behind,
            ),
            Measure::gauge(
                "jiazhao_status_lists_in_memory",
                "Status lists that this node keeps.",
                u64::try_from(lists).unwrap_or(u64::MAX),
            ),
        ];
        if let Some(newest) = self.store().publication().await? {
            let age = now.duration_since(newest.at).as_secs();
            measures.push(Measure::gauge(
                "jiazhao_status_lists_age_seconds",
                "Seconds since the status lists were last published.",
                u64::try_from(age).unwrap_or_default(),
            ));
        }
        Ok(measures)
    }
}

impl Run {
    fn sign_changed(
        &self,
        values: BTreeMap<u32, Vec<u8>>,
    ) -> Result<Vec<ListToPublish>, IssueError> {
        let mut signed = Vec::new();
        for (list, values) in values {
            if let Some(digest) = self.due(list, &values) {
                signed.push(self.sign(list, digest, values)?);
            }
        }
        Ok(signed)
    }

    /// The digest under which a list is to be signed; none where the one that is published stands.
    ///
    /// A list is dated [`BACKDATED`] and speaks only of credentials signed before its date. So one that
    /// changed is signed once more, as soon as its date is past the change: else a credential bound
    /// just before would be unknown to it until something else changes there.
    fn due(&self, list: u32, values: &[u8]) -> Option<Vec<u8>> {
        let [changed, again] = [&b"changed"[..], b"again"].map(|stage| self.digest(stage, values));
        let Some(before) = self.before.get(&list) else {
            return Some(changed);
        };
        if before.digest == again {
            let too_old = before.issued_at + RENEWED_AFTER <= self.now;
            too_old.then_some(again)
        } else if before.digest == changed {
            let past_the_change = self.issued_at.timestamp() > before.issued_at + BACKDATED;
            past_the_change.then_some(again)
        } else {
            Some(changed)
        }
    }

    /// Of the values and the keys that sign them: a new key signs every list anew.
    fn digest(&self, stage: &[u8], values: &[u8]) -> Vec<u8> {
        let mut digest = Context::new(&SHA256);
        digest.update(stage);
        for signer in &self.signers {
            digest.update(signer.key_id().as_bytes());
        }
        digest.update(values);
        digest.finish().as_ref().to_vec()
    }

    fn sign(
        &self,
        list: u32,
        digest: Vec<u8>,
        values: Vec<u8>,
    ) -> Result<ListToPublish, IssueError> {
        let expires_at = self.now.saturating_add(LIST_LASTS).unwrap_or(self.now);
        let expires_at = NumericDate::floor(expires_at);
        let full = StatusList::from_bytes(Width::Four, values);
        let public = full.as_ref().and_then(StatusList::to_public);
        let mut forms = Vec::new();
        for values in [public, full].into_iter().flatten() {
            let claims = ListClaims {
                subject: format!("{}/{list}", self.address),
                issued_at: self.issued_at,
                expires_at,
                ttl: self.ttl,
                list: values.compress(),
            };
            for signer in &self.signers {
                let of = |form| ListForm {
                    list,
                    bits: values.width().bits(),
                    suite: signer.suite().to_string(),
                    form,
                };
                let jwt = sign_jwt(&claims, signer.as_ref())?.into_bytes();
                forms.push((of(TokenForm::Jwt), jwt));
                forms.push((of(TokenForm::Cwt), sign_cwt(&claims, signer.as_ref())?));
            }
        }
        Ok(ListToPublish {
            list,
            digest,
            issued_at: self.issued_at.timestamp(),
            expires_at: expires_at.timestamp(),
            forms,
        })
    }
}

fn form_view(facts: FormFacts) -> StatusFormView {
    StatusFormView {
        suite: facts.form.suite,
        form: facts.form.form.as_str().to_owned(),
        bytes: facts.size,
    }
}
