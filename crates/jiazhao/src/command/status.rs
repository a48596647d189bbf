//! `jiazhao status`: what a verifier that stands alone needs, from a server into a folder.

mod folder;
mod server;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use credential::{
    KeyId, ListRefusal, Reason, UnverifiedStatusList, VerifiedStatusList, VerifiedTrustList,
};
use serde_json::Value;

use self::{
    folder::Folder,
    server::{Fetched, Server},
};
use super::{Context, say, tell, trusted::trusted};
use crate::{
    config::{Peer, peer_url},
    failure::Failure,
};

#[derive(Debug, Subcommand)]
pub(super) enum StatusCommand {
    /// Fetch the trust list and the status lists into a folder, for `jiazhao verify --status DIR
    /// --trust DIR/trust.json`: 0 all there, 1 some refused or not reached
    Fetch(Fetch),
}

#[derive(Debug, Args)]
pub(super) struct Fetch {
    /// The server, e.g. `https://licence.example`
    #[arg(long, value_name = "URL")]
    from: String,
    /// The folder; it is made where it is missing
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// The identifier of a root key, once for each: no other root is believed [default: those of the
    /// trust list in the folder; the first time, those that the list brings along]
    #[arg(long = "root", value_name = "KEY")]
    roots: Vec<KeyId>,
    /// Holds the token of a police officer's session: the lists of authorised verifiers are fetched,
    /// which tell red apart
    #[arg(long, value_name = "FILE")]
    session_file: Option<PathBuf>,
    /// Holds the certificates of the roots by which the server is known, instead of the public ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Seconds until a request is given up
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

/// What became of the lists.
#[derive(Debug, Default)]
struct Tally {
    fetched: u32,
    unchanged: u32,
    refused: u32,
}

const ROLLED_BACK: Reason = Reason {
    code: "trust-list-rolled-back",
    zh: "信任列表的版本低于本机已有的版本",
    en: "the trust list is older than the one that is here",
};
const TWO_OF_A_VERSION: Reason = Reason {
    code: "trust-list-other-content",
    zh: "信任列表版本相同而内容不同",
    en: "the trust list has the version of the one that is here, and another content",
};
const LIST_ROLLED_BACK: Reason = Reason {
    code: "status-list-rolled-back",
    zh: "状态列表早于本机已有的状态列表",
    en: "the status list is older than the one that is here",
};
const OTHER_NUMBER: Reason = Reason {
    code: "status-list-other-number",
    zh: "状态列表的编号与请求的不符",
    en: "the server sent another list",
};
const NOT_AN_OVERVIEW: Reason = Reason {
    code: "not-an-overview",
    zh: "服务器的状态列表目录无法读取",
    en: "the server's overview of status lists cannot be read",
};

impl StatusCommand {
    pub(super) async fn run(&self, context: &Context) -> Result<u8, Failure> {
        match self {
            Self::Fetch(fetch) => fetch.run(context).await,
        }
    }
}

impl Fetch {
    async fn run(&self, context: &Context) -> Result<u8, Failure> {
        let server = self.server()?;
        let mut folder = Folder::open(&self.into)?;
        let trust = self.trust(&server, &mut folder).await?;
        if trust.is_stale(context.ambient.clock.now()) {
            tell("note: the trust list is past its next update (信任列表已过其下次更新时间)")?;
        }
        let mut tally = Tally::default();
        for number in overview(&server).await? {
            match list(&server, &mut folder, &trust, number).await {
                Ok(Fetched::New(..)) => tally.fetched = tally.fetched.saturating_add(1),
                Ok(Fetched::Known) => tally.unchanged = tally.unchanged.saturating_add(1),
                Err(failure) => {
                    tally.refused = tally.refused.saturating_add(1);
                    tell(&format!("jiazhao: {}", failure.within(number)))?;
                }
            }
        }
        folder.keep_tags()?;
        let Tally {
            fetched,
            unchanged,
            refused,
        } = tally;
        say(&format!(
            "trust list version {}, status lists: {fetched} fetched, {unchanged} unchanged, {refused} refused",
            trust.list().version
        ))?;
        Ok(u8::from(refused > 0))
    }

    fn server(&self) -> Result<Server, Failure> {
        let url = peer_url(self.from.trim_end_matches('/'), false)
            .map_err(|text| Failure::new("not-an-address", text.zh, text.en).about(&self.from))?;
        let peer = Peer {
            url,
            token_file: None,
            ca_file: self.ca_file.clone(),
            timeout: Duration::from_secs(self.timeout),
        };
        Server::new(&peer, self.session_file.as_deref())
    }

    /// The trust list that counts from now on, and lies in the folder. What does not follow the one
    /// that is there changes nothing, and ends the command: no list is believed under it.
    async fn trust(
        &self,
        server: &Server,
        folder: &mut Folder,
    ) -> Result<VerifiedTrustList, Failure> {
        let given = (!self.roots.is_empty()).then_some(self.roots.as_slice());
        let json = folder.trust()?;
        let tag = json.as_ref();
        let tag = tag.and_then(|json| folder.tag(folder::TRUST, json));
        let held = json.as_ref().map(|json| trusted(json, given));
        let held = held.transpose()?;
        let fetched = server.trust_list(tag).await?;
        let (document, tag) = match (fetched, &held) {
            (Fetched::New(document, tag), _) => (document, tag),
            (Fetched::Known, Some(held)) => return Ok(held.clone()),
            (Fetched::Known, None) => return Err(server::odd(server)),
        };
        let pins = held.as_ref().map(|held| held.roots().iter().copied());
        let pins: Option<Vec<KeyId>> = pins.map(Iterator::collect);
        let next = trusted(&document, pins.as_deref().or(given))?;
        if let Some(held) = &held {
            follows(held, &next)?;
        }
        folder.put(folder::TRUST, &document, tag)?;
        Ok(next)
    }
}

/// Whether a trust list may take the place of the one that is here.
fn follows(held: &VerifiedTrustList, next: &VerifiedTrustList) -> Result<(), Failure> {
    let (held, next) = (held.list(), next.list());
    if next.version < held.version {
        Err(refused(ROLLED_BACK))
    } else if next.version == held.version && next != held {
        Err(refused(TWO_OF_A_VERSION))
    } else {
        Ok(())
    }
}

/// The numbers of the lists that there are.
async fn overview(server: &Server) -> Result<Vec<u32>, Failure> {
    let body = server.overview().await?;
    let numbers = serde_json::from_slice::<Value>(&body).ok().and_then(|it| {
        let lists = it.get("lists")?.as_array()?;
        let number = |list: &Value| u32::try_from(list.get("number")?.as_u64()?).ok();
        lists.iter().map(number).collect::<Option<Vec<u32>>>()
    });
    numbers.ok_or_else(|| refused(NOT_AN_OVERVIEW))
}

/// Fetches one list, unless the one that is here is as new.
async fn list(
    server: &Server,
    folder: &mut Folder,
    trust: &VerifiedTrustList,
    number: u32,
) -> Result<Fetched, Failure> {
    let name = folder::list(number);
    // What does not verify any more (its key was revoked) is fetched anew.
    let bytes = folder.read(&name)?.unwrap_or_default();
    let held = verified(&bytes, trust, number).ok();
    let tag = folder.tag(&name, &bytes).filter(|_| held.is_some());
    let fetched = server.status_list(number, tag).await?;
    if let Fetched::New(document, tag) = &fetched {
        let next = verified(document, trust, number)?;
        let older = |held: &VerifiedStatusList| next.issued_at() < held.issued_at();
        if held.as_ref().is_some_and(older) {
            return Err(refused(LIST_ROLLED_BACK));
        }
        folder.put(&name, document, tag.clone())?;
    } else if held.is_none() {
        return Err(server::odd(server));
    }
    Ok(fetched)
}

fn verified(
    bytes: &[u8],
    trust: &VerifiedTrustList,
    number: u32,
) -> Result<VerifiedStatusList, Failure> {
    let list = UnverifiedStatusList::parse(bytes)
        .map_err(ListRefusal::Malformed)
        .and_then(|list| list.verify(trust))
        .map_err(|refusal| refused(refusal.reason()))?;
    if list.number() == number {
        Ok(list)
    } else {
        Err(refused(OTHER_NUMBER))
    }
}

fn refused(Reason { code, zh, en }: Reason) -> Failure {
    Failure::new(code, zh, en)
}
