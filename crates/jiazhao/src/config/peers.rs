//! `[texts]`, `[identity]` and `[audit]`: the systems outside to which this one speaks.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use hyper::Uri;
use licence::Text;

use super::source::Source;

/// Texts to phones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// The gateway that carries them; without one none leave.
    pub gateway: Option<Peer>,
    /// Holds the token with which the gateway reports what became of them.
    pub report_token_file: Option<PathBuf>,
}

/// The audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Where the server pushes its signed checkpoints.
    pub witness: Option<Witness>,
}

/// Whoever keeps a copy of the checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witness {
    /// A file, best on another machine's disk.
    File(PathBuf),
    /// A service.
    Http(Peer),
}

/// A service that is asked over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address: https, or http where that was allowed.
    pub url: Uri,
    /// Holds the token that it asks for.
    pub token_file: Option<PathBuf>,
    /// Holds the certificates of the roots that it is trusted by, instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// After how long a request is given up, its answer included.
    pub timeout: Duration,
}

pub(super) const TEXTS: &[&str] = &[
    "gateway_url",
    "token_file",
    "ca_file",
    "timeout",
    "allow_http",
    "report_token_file",
];
pub(super) const IDENTITY: &[&str] = &["url", "token_file", "ca_file", "timeout", "allow_http"];
pub(super) const AUDIT: &[&str] = &["witness", "token_file", "ca_file", "timeout", "allow_http"];

const PATH: Text = Text {
    zh: "应为文件路径",
    en: "this must be the path of a file",
};
const URL: Text = Text {
    zh: "应为 https:// 地址，不含用户名、参数；非本机的 http:// 地址须设置 allow_http = true",
    en: "this must be an https:// address without user or query; an http:// address that is not this machine's needs allow_http = true",
};
const TOKEN_MISSING: Text = Text {
    zh: "须同时设置 token_file",
    en: "token_file must be set too",
};
const WITHOUT_ADDRESS: Text = Text {
    zh: "未设置服务地址，此项无效",
    en: "this says nothing without the address of a service",
};

/// Seconds until a request is given up. A lease outlasts the most (authority: two minutes).
const SECONDS: (u32, u32) = (1, 30);
const DEFAULT_SECONDS: u32 = 10;

pub(super) fn texts(source: &mut Source<'_>) -> Texts {
    let allow_http = source.flag("texts", "allow_http").unwrap_or_default();
    let url = source.text("texts", "gateway_url", |text| url(text, allow_http));
    let report_token_file = path(source, "texts", "report_token_file");
    let gateway = peer(source, "texts", url);
    if gateway
        .as_ref()
        .is_some_and(|peer| peer.token_file.is_none())
    {
        source.between("texts", "gateway_url", TOKEN_MISSING);
    }
    Texts {
        gateway,
        report_token_file,
    }
}

/// The identity service; its address is of no use without a token that tells it who asks.
pub(super) fn identity(source: &mut Source<'_>) -> Option<Peer> {
    let allow_http = source.flag("identity", "allow_http").unwrap_or_default();
    let url = source.text("identity", "url", |text| url(text, allow_http));
    let service = peer(source, "identity", url);
    if service
        .as_ref()
        .is_some_and(|peer| peer.token_file.is_none())
    {
        source.between("identity", "url", TOKEN_MISSING);
    }
    service
}

pub(super) fn audit(source: &mut Source<'_>) -> Audit {
    let allow_http = source.flag("audit", "allow_http").unwrap_or_default();
    let witness = source.text("audit", "witness", |text| {
        if text.contains("://") {
            url(text, allow_http).map(Target::Service)
        } else if text.is_empty() {
            Err(PATH)
        } else {
            Ok(Target::File(PathBuf::from(text)))
        }
    });
    let (file, url) = match witness {
        Some(Target::File(path)) => (Some(path), None),
        Some(Target::Service(url)) => (None, Some(url)),
        None => (None, None),
    };
    let service = peer(source, "audit", url);
    let witness = file.map(Witness::File);
    Audit {
        witness: witness.or_else(|| service.map(Witness::Http)),
    }
}

/// The witness that a command names: the configured service where it names that one, so that its
/// token and roots apply; another without a token; or a file.
///
/// # Errors
/// When it is an address to which nothing may be sent.
pub fn witness_named(audit: &Audit, text: &str) -> Result<Witness, Text> {
    if !text.contains("://") {
        return Ok(Witness::File(PathBuf::from(text)));
    }
    match &audit.witness {
        Some(Witness::Http(peer)) if peer.url == text => Ok(Witness::Http(peer.clone())),
        Some(_) | None => Ok(Witness::Http(Peer {
            url: url(text, false)?,
            token_file: None,
            ca_file: None,
            timeout: Duration::from_secs(DEFAULT_SECONDS.into()),
        })),
    }
}

enum Target {
    File(PathBuf),
    Service(Uri),
}

fn peer(source: &mut Source<'_>, section: &str, url: Option<Uri>) -> Option<Peer> {
    let token_file = path(source, section, "token_file");
    let ca_file = path(source, section, "ca_file");
    let seconds = source.number(section, "timeout", SECONDS);
    let Some(url) = url else {
        let given = [
            ("token_file", token_file.is_some()),
            ("ca_file", ca_file.is_some()),
            ("timeout", seconds.is_some()),
        ];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            source.between(section, key, WITHOUT_ADDRESS);
        }
        return None;
    };
    Some(Peer {
        url,
        token_file,
        ca_file,
        timeout: Duration::from_secs(seconds.unwrap_or(DEFAULT_SECONDS).into()),
    })
}

fn path(source: &mut Source<'_>, section: &str, key: &str) -> Option<PathBuf> {
    source.text(section, key, |text| {
        (!text.is_empty()).then(|| PathBuf::from(text)).ok_or(PATH)
    })
}

/// An address with nothing secret in it, to which a token may be sent.
pub(crate) fn url(text: &str, allow_http: bool) -> Result<Uri, Text> {
    let url: Uri = text.parse().map_err(|_no_uri| URL)?;
    let authority = url.authority().ok_or(URL)?;
    let plain = !authority.as_str().contains('@') && url.query().is_none() && !text.contains('#');
    let host = authority.host().trim_matches(['[', ']']);
    let own = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let safe = match url.scheme_str() {
        Some("https") => true,
        Some("http") => own || allow_http,
        _ => false,
    };
    if plain && safe { Ok(url) } else { Err(URL) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Config, Witness};

    fn problems(text: &str) -> Vec<(usize, String)> {
        match Config::parse(text, None, Path::new("data")) {
            Ok(_) => Vec::new(),
            Err(error) => {
                let problems = error.problems.into_iter();
                problems.map(|one| (one.line, one.key)).collect()
            }
        }
    }

    #[test]
    fn nobody_outside_is_spoken_to_without_being_configured() {
        let config = Config::parse("", None, Path::new("data")).unwrap();
        assert!(config.texts.gateway.is_none() && config.audit.witness.is_none());
        assert!(config.texts.report_token_file.is_none() && config.identity.is_none());
    }

    #[test]
    fn a_gateway_has_an_address_that_keeps_a_token_secret() {
        let with = |url: &str| {
            problems(&format!(
                "[texts]\ngateway_url = \"{url}\"\ntoken_file = \"t\"\n"
            ))
        };
        for good in [
            "https://gateway.example/send",
            "http://127.0.0.1:9/send",
            "http://[::1]:9/",
            "http://localhost/",
        ] {
            assert_eq!(with(good), [], "{good}");
        }
        for bad in [
            "http://gateway.example/send",
            "http://127.0.0.1.evil.example/",
            "https://user:secret@gateway.example/",
            "https://gateway.example/?key=secret",
            "ftp://gateway.example/",
            "/send",
            "",
        ] {
            assert_eq!(with(bad)[0], (2, "texts.gateway_url".to_owned()), "{bad}");
        }
        let allowed =
            "[texts]\nallow_http = true\ngateway_url = \"http://10.0.0.7/\"\ntoken_file = \"t\"\n";
        assert_eq!(problems(allowed), []);
    }

    #[test]
    fn what_belongs_together_is_asked_for_together() {
        let key = |text: &str| {
            problems(text)
                .into_iter()
                .map(|one| one.1)
                .collect::<Vec<_>>()
        };
        let no_token = "[texts]\ngateway_url = \"https://gateway.example/\"\n";
        assert_eq!(key(no_token), ["texts.gateway_url"]);
        assert_eq!(key("[texts]\ntoken_file = \"t\"\n"), ["texts.token_file"]);
        assert_eq!(
            key("[audit]\nwitness = \"w\"\ntimeout = 5\n"),
            ["audit.timeout"]
        );
        let no_token = "[identity]\nurl = \"https://id.example/\"\n";
        assert_eq!(key(no_token), ["identity.url"]);
        assert_eq!(key("[identity]\ntimeout = 5\n"), ["identity.timeout"]);
        let long = "[audit]\nwitness = \"https://w.example/\"\ntimeout = 31\n";
        assert_eq!(key(long), ["audit.timeout"]);
        assert_eq!(key("[texts]\nallow_http = 1\n"), ["texts.allow_http"]);
        assert_eq!(key("[texts]\ngateway = \"x\"\n"), ["texts.gateway"]);
    }

    #[test]
    fn a_witness_is_a_file_or_a_service() {
        let witness = |text: &str| {
            let text = format!("[audit]\nwitness = \"{text}\"\n");
            let config = Config::parse(&text, None, Path::new("data")).unwrap();
            config.audit.witness.unwrap()
        };
        assert_eq!(witness("/mnt/w"), Witness::File("/mnt/w".into()));
        let Witness::Http(peer) = witness("https://witness.example/jz") else {
            panic!("an address is a service");
        };
        assert_eq!(peer.timeout.as_secs(), 10);
    }
}
