//! `[push]`: what the inbox says, told to browsers.

use std::path::PathBuf;

use hyper::Uri;
use licence::Text;

use super::{peers, source::Source};

/// Web Push; without it nothing is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebPush {
    /// Whom push services ask about what this installation sends: `mailto:` or `https:`.
    pub contact: String,
    /// The hosts to which pushes may go.
    pub hosts: Vec<PushHost>,
    /// Holds the certificates of the roots that they are trusted by, instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// After how many seconds a request is given up, its answer included.
    pub timeout_seconds: u32,
}

/// A host to which pushes may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushHost {
    name: String,
    /// Whether it stands for all hosts below that name, and not for itself.
    below: bool,
    port: u16,
    /// Whether the operator named it, so that its address need not be a public one.
    named: bool,
}

pub(super) const PUSH: &[&str] = &["contact", "services", "ca_file", "timeout"];

/// The services of the browsers that there are: Chromium, Firefox, Safari, Edge.
const KNOWN: [&str; 5] = [
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.services.mozilla.com",
    "*.push.apple.com",
    "*.notify.windows.com",
];
const CONTACT: Text = Text {
    zh: "应为 mailto: 邮箱地址或 https:// 地址",
    en: "this must be a mailto: or an https:// address",
};
const SERVICES: Text = Text {
    zh: "应为主机名列表，可带端口，* 代表其下所有主机，如 [\"fcm.googleapis.com\", \"*.push.apple.com\"]",
    en: "this must be a list of hosts, each with a port or not; `*.` stands for all below, e.g. [\"fcm.googleapis.com\", \"*.push.apple.com\"]",
};
const WITHOUT_CONTACT: Text = Text {
    zh: "未设置 contact，此项无效",
    en: "this says nothing without contact",
};
const LONGEST_CONTACT: usize = 200;

pub(super) fn push(source: &mut Source<'_>) -> Option<WebPush> {
    let contact = source.text("push", "contact", contact);
    let services = source.list("push", "services", |texts| {
        let hosts: Option<Vec<PushHost>> = texts
            .iter()
            .map(|text| PushHost::parse(text, true))
            .collect();
        hosts.filter(|hosts| !hosts.is_empty()).ok_or(SERVICES)
    });
    let ca_file = peers::path(source, "push", "ca_file");
    let seconds = source.number("push", "timeout", peers::SECONDS);
    let Some(contact) = contact else {
        let given = [
            ("services", services.is_some()),
            ("ca_file", ca_file.is_some()),
            ("timeout", seconds.is_some()),
        ];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            source.between("push", key, WITHOUT_CONTACT);
        }
        return None;
    };
    Some(WebPush {
        hosts: services.unwrap_or_else(known),
        ca_file,
        timeout_seconds: seconds.unwrap_or(peers::DEFAULT_SECONDS),
        contact,
    })
}

impl WebPush {
    /// To the services of the browsers that there are.
    #[must_use]
    pub fn to_known_services(contact: &str) -> Self {
        Self {
            contact: contact.to_owned(),
            hosts: known(),
            ca_file: None,
            timeout_seconds: peers::DEFAULT_SECONDS,
        }
    }
}

impl PushHost {
    /// `host`, `host:port` or `*.host`.
    fn parse(text: &str, named: bool) -> Option<Self> {
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let url: Uri = format!("https://{rest}/").parse().ok()?;
        let (name, port) =
            host_and_port(&url).filter(|_| url.authority().is_some_and(|it| *it == rest))?;
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        name.bytes().all(good).then_some(Self {
            name,
            below,
            port,
            named,
        })
    }

    /// Whether it is, or stands for, this host at this port.
    #[must_use]
    pub fn is(&self, host: &str, port: u16) -> bool {
        let same = if self.below {
            let above = host.strip_suffix(self.name.as_str());
            above.is_some_and(|above| above.len() > 1 && above.ends_with('.'))
        } else {
            host == self.name
        };
        same && port == self.port
    }

    /// Whether the operator named this very host.
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        self.named && !self.below && host.eq_ignore_ascii_case(&self.name)
    }

    /// As it is written.
    #[must_use]
    pub fn shown(&self) -> String {
        let below = if self.below { "*." } else { "" };
        match self.port {
            443 => format!("{below}{}", self.name),
            port => format!("{below}{}:{port}", self.name),
        }
    }
}

/// Host and port of an https address that says nothing else before its path: no user, and no port that
/// is read in two ways.
pub(crate) fn host_and_port(url: &Uri) -> Option<(String, u16)> {
    let authority = url.authority()?;
    let (host, port) = (authority.host(), authority.port_u16());
    let spelled = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let plain = !host.is_empty() && port != Some(0) && authority.as_str() == spelled;
    plain.then(|| (host.to_ascii_lowercase(), port.unwrap_or(443)))
}

fn known() -> Vec<PushHost> {
    KNOWN
        .iter()
        .filter_map(|text| PushHost::parse(text, false))
        .collect()
}

fn contact(text: &str) -> Result<String, Text> {
    let mail = text.strip_prefix("mailto:").is_some_and(|rest| {
        rest.split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
    });
    let page = text
        .parse()
        .is_ok_and(|url: Uri| url.scheme_str() == Some("https") && url.host().is_some());
    let plain = text.len() <= LONGEST_CONTACT && text.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && (mail || page) {
        Ok(text.to_owned())
    } else {
        Err(CONTACT)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    fn keys(text: &str) -> Vec<String> {
        match Config::parse(text, None, Path::new("data")) {
            Ok(_) => Vec::new(),
            Err(error) => error.problems.into_iter().map(|one| one.key).collect(),
        }
    }

    #[test]
    fn nothing_is_pushed_without_a_contact() {
        let config = Config::parse("", None, Path::new("data")).unwrap();
        assert!(config.push.is_none());
        let alone = "[push]\nservices = [\"a.example\"]\ntimeout = 3\n";
        assert_eq!(keys(alone), ["push.services", "push.timeout"]);
        assert_eq!(keys("[push]\nkey = \"x\"\n"), ["push.key"]);
    }

    #[test]
    fn contacts_and_hosts_are_checked() {
        let contact = |text: &str| keys(&format!("[push]\ncontact = \"{text}\"\n"));
        for good in [
            "mailto:push@authority.example",
            "https://authority.example/push",
        ] {
            assert!(contact(good).is_empty(), "{good}");
        }
        for bad in [
            "push@authority.example",
            "mailto:x",
            "http://a.example",
            "mailto:a b@c",
            "",
        ] {
            assert_eq!(contact(bad), ["push.contact"], "{bad}");
        }
        let services = |list: &str| {
            keys(&format!(
                "[push]\ncontact = \"mailto:a@b.example\"\nservices = {list}\n"
            ))
        };
        assert!(
            services("[\"a.example\", \"*.b.example\", \"127.0.0.1:9\", \"[::1]:9\"]").is_empty()
        );
        for bad in [
            "[]",
            "[\"\"]",
            "[\"*\"]",
            "[\"*.\"]",
            "[\"https://a.example\"]",
            "[\"a.example/x\"]",
            "[\"u@a.example\"]",
            "[\"a.example:0\"]",
            "[\"a.example:x\"]",
            "[\"a.*.example\"]",
            "\"a\"",
        ] {
            assert_eq!(services(bad), ["push.services"], "{bad}");
        }
    }
}
