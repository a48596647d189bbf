//! Serving: the router, the jobs beside it, and an end that lets requests finish.

use std::{
    future::{Future, IntoFuture as _},
    io,
    net::SocketAddr,
    time::Duration,
};

use authority::{Act, Error};
use tokio::{
    net::TcpListener,
    select,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::{app::App, failure::Failure, seen};

/// What other nodes committed is known here after this, besides the way there.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// How often what was approved but not issued is looked for; only a crash leaves any.
const FINISH_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked for what the calendar has changed. Answers do not wait for it.
const TURN_EVERY: Duration = Duration::from_secs(5);
/// How often the heads of the audit are signed.
const CHECKPOINT_EVERY: Duration = Duration::from_mins(1);
/// How often the witness is given what it lacks, also after a failure.
const PUSH_EVERY: Duration = Duration::from_secs(15);
/// How often it is looked for texts that are due: a code is waited for.
const DELIVER_EVERY: Duration = Duration::from_secs(1);
/// How soon a code by phone is on its way. Not at once: then it would show in the answer's time.
const TEND_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether status lists are to be published: a list that is new is not kept
/// from verifiers for longer.
const PUBLISH_EVERY: Duration = Duration::from_secs(5);
/// How often a snapshot of the status memory is written. What happened since is read at the next
/// start: five minutes of it in well under a second.
const SNAPSHOT_EVERY: Duration = Duration::from_mins(5);
/// How long the last snapshot may take. Without it the next start reads a little more.
const LAST_SNAPSHOT: Duration = Duration::from_secs(10);
/// How often what is over is cleared away.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// How often it is looked whether somebody has to clear what was kept long enough: once a day one node
/// does.
const CLEAR_EVERY: Duration = Duration::from_hours(24);
/// Well within the pause that `seal rotate` makes between its steps.
const REFRESH_EVERY: Duration = Duration::from_secs(2);
/// How soon a node learns that a key is trusted no more.
const TRUST_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for years of the working calendar, and for reviews that waited for one.
const SET_DUES_EVERY: Duration = Duration::from_mins(1);
/// How often a batch of credentials is signed anew: the pause is the throttle.
const SIGN_EVERY: Duration = Duration::from_secs(1);
/// How long open requests may take to finish; event streams never do by themselves.
const GRACE: Duration = Duration::from_secs(5);

/// Listens on an address.
///
/// # Errors
/// When that is not possible.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(
            "cannot-listen",
            "无法监听该地址",
            "The address cannot be listened on",
        )
        .about(format!("{address}: {error}"))
    })
}

/// Serves until `stop` is ready, then lets open requests finish.
///
/// # Errors
/// When accepting connections fails.
pub async fn serve(
    app: &App,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let (stopping, stopped) = watch::channel(false);
    let mut jobs = JoinSet::new();
    for job in [
        Job::Follow,
        Job::FinishApproved,
        Job::LapseApplications,
        Job::RefreshKeys,
        Job::TurnCalendar,
        Job::Checkpoint,
        Job::DeliverTexts,
        Job::PushCheckpoints,
        Job::TendAccounts,
        Job::SweepAccounts,
        Job::ClearPast,
        Job::PublishLists,
        Job::SnapshotStatus,
        Job::RefreshTrust,
        Job::SignAnew,
        Job::SetDues,
        Job::EraseTemplates,
    ] {
        jobs.spawn(job.repeat(app.clone(), stopped.clone()));
    }
    // The sender's address bounds how often it may try to sign in.
    let router = service::router(app.state());
    let asked = stopping.clone();
    let serving = axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(async move {
        stop.await;
        asked.send_replace(true);
    });
    let outcome = select! {
        outcome = serving.into_future() => outcome,
        () = async { closed(stopped).await; sleep(GRACE).await } => Ok(()),
    };
    stopping.send_replace(true);
    if timeout(GRACE, jobs.join_all()).await.is_err() {
        tracing::warn!("a job did not end in time");
    }
    let mut act = app.act(Job::SnapshotStatus.name());
    let last = app.authority().snapshot_status(&mut act);
    if !matches!(timeout(LAST_SNAPSHOT, last).await, Ok(Ok(_))) {
        tracing::warn!("the status memory's last snapshot was not written");
    }
    outcome.map_err(Failure::from)
}

/// Ready when the process is asked to end (SIGTERM, SIGINT).
///
/// # Errors
/// When signals cannot be received.
pub fn asked_to_stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    })
}

async fn closed(mut stopped: watch::Receiver<bool>) {
    // An error says that nobody can ask any more, which comes to the same.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// What runs again and again beside the requests.
#[derive(Clone, Copy, Debug)]
enum Job {
    /// Learns what other nodes committed.
    Follow,
    /// Issues what was approved before a crash.
    FinishApproved,
    /// Ends applications that were begun and never submitted.
    LapseApplications,
    /// Learns of data keys that another node or the command line made.
    RefreshKeys,
    /// Turns status lists and open pages when midnight has changed a status (SC-66).
    TurnCalendar,
    /// Signs the heads of the audit (SC-62).
    Checkpoint,
    /// Sends texts to phones.
    DeliverTexts,
    /// Gives the witness of the audit the checkpoints that it lacks.
    PushCheckpoints,
    /// Makes codes by phone and warnings, which no answer waits for (SC-18).
    TendAccounts,
    /// Clears away requests for codes and links that are over.
    SweepAccounts,
    /// Removes used codes, ended sessions and devices, and the like, once they were kept long enough.
    ClearPast,
    /// Publishes the status lists, and retires those whose credentials have expired.
    PublishLists,
    /// Writes the snapshot from which the next start goes on.
    SnapshotStatus,
    /// Takes over a newer trust list, and keys that were revoked in an emergency (SC-64).
    RefreshTrust,
    /// Signs credentials anew whose key signs no more.
    SignAnew,
    /// Learns of years of the working calendar, and sets what is due of reviews that waited for one.
    SetDues,
    /// Erases descriptors of faces whose time has come.
    EraseTemplates,
}

impl Job {
    const fn name(self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::FinishApproved => "finish-approved",
            Self::LapseApplications => "lapse-applications",
            Self::RefreshKeys => "refresh-keys",
            Self::TurnCalendar => "turn-calendar",
            Self::Checkpoint => "checkpoint",
            Self::DeliverTexts => "deliver-texts",
            Self::PushCheckpoints => "push-checkpoints",
            Self::TendAccounts => "tend-accounts",
            Self::SweepAccounts => "sweep-accounts",
            Self::ClearPast => "clear-past",
            Self::PublishLists => "publish-status-lists",
            Self::SnapshotStatus => "snapshot-status",
            Self::RefreshTrust => "refresh-trust",
            Self::SignAnew => "sign-anew",
            Self::SetDues => "set-dues",
            Self::EraseTemplates => "erase-face-templates",
        }
    }

    const fn pause(self) -> Duration {
        match self {
            Self::Follow => FOLLOW_EVERY,
            Self::FinishApproved => FINISH_EVERY,
            Self::RefreshKeys => REFRESH_EVERY,
            Self::TurnCalendar => TURN_EVERY,
            Self::Checkpoint => CHECKPOINT_EVERY,
            Self::DeliverTexts => DELIVER_EVERY,
            Self::PushCheckpoints => PUSH_EVERY,
            Self::TendAccounts => TEND_EVERY,
            Self::LapseApplications | Self::SweepAccounts | Self::EraseTemplates => SWEEP_EVERY,
            Self::ClearPast => CLEAR_EVERY,
            Self::PublishLists => PUBLISH_EVERY,
            Self::SnapshotStatus => SNAPSHOT_EVERY,
            Self::RefreshTrust => TRUST_EVERY,
            Self::SignAnew => SIGN_EVERY,
            Self::SetDues => SET_DUES_EVERY,
        }
    }

    async fn run(self, app: &App) -> Result<(), Error> {
        let (authority, mut act) = (app.authority(), app.act(self.name()));
        match self {
            Self::Follow => authority.follow().await,
            Self::RefreshKeys => Ok(authority.store().refresh_keys().await?),
            Self::Checkpoint => checkpoint(app, &act).await,
            Self::DeliverTexts => authority.deliver_texts(&act).await.map(drop),
            Self::PushCheckpoints => push_checkpoints(app, &act).await,
            Self::TendAccounts => authority.tend_accounts(&mut act).await.map(drop),
            Self::SweepAccounts => authority.sweep_accounts(&act).await.map(drop),
            Self::ClearPast => authority.clear_past(&act, app.node()).await.map(drop),
            Self::PublishLists => {
                let published = authority.publish_status_lists(&act, app.node());
                published.await.map(drop)
            }
            Self::SnapshotStatus => authority.snapshot_status(&mut act).await.map(drop),
            Self::RefreshTrust => refresh_trust(app, &act).await,
            Self::EraseTemplates => authority.erase_templates(&act).await.map(drop),
            Self::FinishApproved => self.did(authority.finish_approved(&mut act).await),
            Self::LapseApplications => self.did(authority.lapse_applications(&mut act).await),
            Self::TurnCalendar => self.did(authority.turn_calendar(&mut act, app.node()).await),
            Self::SetDues => self.did(authority.set_dues(&mut act, app.node()).await),
            Self::SignAnew => self.did(authority.sign_anew_departed(&mut act, app.node()).await),
        }
    }

    /// Tells how much of what had waited for it was done.
    fn did(self, done: Result<u64, Error>) -> Result<(), Error> {
        let done = done?;
        if done > 0 {
            tracing::info!(job = self.name(), done, "did what had waited");
        }
        Ok(())
    }

    /// One run at a time, each to its end. A failure is told when it begins and when it is over,
    /// not at every run.
    async fn repeat(self, app: App, stopped: watch::Receiver<bool>) {
        let mut ticks = interval(self.pause());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            select! {
                _ = ticks.tick() => {}
                () = closed(stopped.clone()) => return,
            }
            match self.run(&app).await {
                Ok(()) => {
                    if failing {
                        tracing::info!(job = self.name(), "works again");
                    }
                    failing = false;
                }
                Err(error) => {
                    if !failing {
                        let failure = Failure::from(error);
                        tracing::error!(job = self.name(), %failure, "failed");
                    }
                    failing = true;
                }
            }
        }
    }
}

async fn checkpoint(app: &App, act: &Act) -> Result<(), Error> {
    app.authority().checkpoint(act, app.node()).await?;
    seen::note(app).await
}

async fn push_checkpoints(app: &App, act: &Act) -> Result<(), Error> {
    let Some(witness) = app.witness() else {
        return Ok(());
    };
    let push = app.authority().push_to_witness(act, app.node(), witness);
    push.await.map(drop)
}

async fn refresh_trust(app: &App, act: &Act) -> Result<(), Error> {
    if app.authority().refresh_trust(act.now).await? {
        tracing::info!("another trust list or set of keys is in use");
    }
    Ok(())
}
