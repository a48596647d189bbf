//! Status lists: what is published, to whom, and how a node comes to its memory.

mod memory;
mod published;

use credential::{SignedTrustList, Unverified, UnverifiedStatusList, VerifiedStatusList};
use serde_json::json;
use storage::StatusPlace;
use testkit::{
    app::App,
    client::{Answer, Client},
    people::{record, with},
};

use crate::steps::deliver;

pub(crate) const JWT: &str = "application/statuslist+jwt";
pub(crate) const CWT: &str = "application/statuslist+cwt";

/// Where the driver's credential has its place, as the credential says.
pub(crate) async fn place_of(app: &App, driver: &Client) -> StatusPlace {
    let file = driver.get("/holder/e-licence/credential?suite=ES256").await;
    let verified = Unverified::parse(&file.body).unwrap();
    let verified = verified.verify(&trust(app).await).unwrap();
    let status = verified.claims().status.clone();
    let (_, list) = status.list.rsplit_once('/').unwrap();
    StatusPlace {
        list: list.parse().unwrap(),
        index: u32::try_from(status.index).unwrap(),
    }
}

pub(crate) async fn trust(app: &App) -> credential::VerifiedTrustList {
    let list = app.client().get("/trust-list").await;
    let list = SignedTrustList::from_json(&list.body).unwrap();
    list.verify(None).unwrap()
}

/// Has the lists published by a node that was never seen before.
pub(crate) async fn publish(app: &App, node: &str) -> u64 {
    let act = app.act();
    let published = app.authority.publish_status_lists(&act, node).await;
    published.unwrap()
}

/// A list as it is given to `client`.
pub(crate) async fn fetch(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.request(axum::http::Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request, axum::body::Body::empty()).await
}

/// The public list 0 as a CWT, verified.
pub(crate) async fn public_list(app: &App) -> VerifiedStatusList {
    let answer = fetch(&app.client(), "/status-lists/0", &[("accept", CWT)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    read(app, &answer).await
}

pub(crate) async fn read(app: &App, answer: &Answer) -> VerifiedStatusList {
    let list = UnverifiedStatusList::parse(&answer.body).unwrap();
    list.verify(&trust(app).await).unwrap()
}

/// The registry sets the driver's letters.
pub(crate) async fn letters(app: &App, number: &str, letters: &str, version: u64) {
    let change = json!({"status": [letters], "version": version});
    deliver(app, &[with(record(number), change)]).await;
}
