//! Live changes for a holder's open page, as server-sent events.

use std::{convert::Infallible, time::Duration};

use authority::{HolderId, Live};
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, timeout_at},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    extract::{Caller, Device, SessionToken},
    problem::{Failed, Problem, Refused},
    state::App,
};

/// How long a stream lasts. The page connects again by itself, and its session is checked anew.
const LASTS: Duration = Duration::from_mins(15);
/// How often a quiet stream says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The data of an event. `kind` is the event's name too; `behind` means that some were missed and
/// the page should read everything anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveView {
    /// `licence`, `status`, `e-licence`, `application`, `binding`, `notification` or `behind`.
    pub kind: String,
    /// Which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Live changes (R10): an event says what to read again, never what it holds.
#[utoipa::path(
    get, path = "/holder/events", tag = "holder",
    responses(
        (status = 200, description = "Server-sent events; the data of each is a LiveView",
            body = LiveView, content_type = "text/event-stream"),
        Refused, Failed,
    )
)]
async fn events(
    State(app): State<App>,
    Caller(act): Caller,
    SessionToken(token): SessionToken,
    device: Device,
) -> Result<impl IntoResponse, Problem> {
    let page = Page {
        holder: act.holder()?.clone(),
        changes: app.authority.live(),
        until: Instant::now() + LASTS,
    };
    let session = (app, token.unwrap_or_default(), device);
    let stream = stream::unfold((page, session), async |(mut page, session)| {
        let view = page.next().await?;
        // A session that ended meanwhile learns nothing more.
        let (app, token, device) = &session;
        let now = app.clock.now();
        let living = app.authority.authenticate(token, device.secret(), now);
        living.await.ok()?;
        Some((Ok::<_, Infallible>(event(&view)), (page, session)))
    });
    let events = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // Axum says no-cache, which lets a copy be kept.
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, events))
}

/// An open page and what it waits for.
struct Page {
    holder: HolderId,
    changes: Receiver<Live>,
    until: Instant,
}

impl Page {
    /// The next change that concerns the holder; none when the stream is over.
    async fn next(&mut self) -> Option<LiveView> {
        loop {
            match timeout_at(self.until, self.changes.recv()).await.ok()? {
                Ok(live) if live.holder == self.holder => {
                    return Some(LiveView {
                        kind: live.kind.to_owned(),
                        id: live.id,
                    });
                }
                Ok(_another_holders) => {}
                Err(RecvError::Lagged(_)) => {
                    return Some(LiveView {
                        kind: "behind".to_owned(),
                        id: None,
                    });
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn event(view: &LiveView) -> Event {
    let named = Event::default().event(&view.kind);
    // A struct of two strings always is JSON; should it not be, its name still says what to read.
    named.clone().json_data(view).unwrap_or(named)
}
