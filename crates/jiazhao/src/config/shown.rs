//! The configuration and its problems as people read them, without what may be secret.

use std::{fmt, path::PathBuf};

use authority::peaks::PeakLimits;
use storage::{AtRest, Layout};

use super::{
    Config, ConfigError, Database, KeyName, LogFormat, Peer, Pkcs11, Problem, PushHost, TokenName,
    Witness, review::scope_names,
};
use crate::key_files::encoded_bytes;

impl Database {
    /// The URL without what may be secret in it.
    #[must_use]
    pub fn shown_url(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return self.url.clone();
        };
        // Credentials may stand before the last `@` and among the parameters.
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        match rest.rsplit_once('@') {
            Some((_, place)) => format!("{scheme}://***@{place}"),
            None => format!("{scheme}://{rest}"),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("url", &self.shown_url())
            .field("connections", &self.connections)
            .field("layout", &self.layout)
            .finish()
    }
}

/// What applies, one setting a line.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = [
            ("data", self.data.display().to_string()),
            ("server.listen", self.server.listen.to_string()),
            ("server.base_url", self.base_url()),
            (
                "server.proxies",
                list(self.server.proxies.iter().map(ToString::to_string)),
            ),
            ("database.url", self.database.shown_url()),
            (
                "database.connections",
                self.database.connections.to_string(),
            ),
            (
                "database.layout",
                match self.database.layout {
                    Layout::Plain => "plain".to_owned(),
                    Layout::Partitioned => "partitioned".to_owned(),
                },
            ),
        ];
        let told = settings.into_iter().chain(self.at_rest());
        let token = self.pkcs11.as_ref().map(token);
        let told = told.chain(token.into_iter().flatten());
        let told = told
            .chain(outside(self))
            .chain(self.activation_ways())
            .chain(faces(self))
            .chain(self.peaks())
            .chain(self.others());
        for (key, value) in told {
            writeln!(f, "{key} = {value}")?;
        }
        Ok(())
    }
}

impl Config {
    /// Issuer, codes, lists and log.
    fn others(&self) -> [(&'static str, String); 9] {
        let certificate = self.issuer.certificate.as_ref();
        let code = |code: Option<&String>| code.map_or("-", String::as_str).to_owned();
        [
            ("issuer.name", self.issuer.name.clone()),
            (
                "issuer.type_code",
                code(certificate.map(|codes| &codes.type_code)),
            ),
            (
                "issuer.issuer_code",
                code(certificate.map(|codes| &codes.issuer_code)),
            ),
            (
                "issuer.suites",
                list(self.issuer.suites.iter().map(ToString::to_string)),
            ),
            ("codes.suite", self.codes.suite.to_string()),
            (
                "codes.enforcement_key",
                optional(self.codes.enforcement_key.as_ref()),
            ),
            (
                "status.period_seconds",
                self.status.period_seconds.to_string(),
            ),
            (
                "log.format",
                match self.log.format {
                    LogFormat::Json => "json".to_owned(),
                    LogFormat::Text => "text".to_owned(),
                },
            ),
            ("log.filter", self.log.filter.clone()),
        ]
    }

    /// What is said of data at rest and its keys.
    fn at_rest(&self) -> [(&'static str, String); 7] {
        let keys = &self.keys;
        let suite = self.storage.at_rest;
        [
            (
                "storage.at_rest",
                suite.map_or("-", AtRest::as_str).to_owned(),
            ),
            ("keys.master_file", keys.master_file.display().to_string()),
            ("keys.index_file", keys.index_file.display().to_string()),
            ("keys.seen_file", keys.seen_file.display().to_string()),
            (
                "keys.passphrase_file",
                optional(keys.unlock.passphrase_file.as_ref()),
            ),
            (
                "keys.wrapping_file",
                optional(keys.unlock.wrapping_file.as_ref()),
            ),
            ("keys.beside_data", keys.beside_data.to_string()),
        ]
    }
}

impl Config {
    /// By which person checks a device is activated.
    fn activation_ways(&self) -> [(&'static str, String); 1] {
        let methods = self.activation.person_check.iter();
        [(
            "activation.person_check",
            list(methods.map(ToString::to_string)),
        )]
    }

    /// From where on applications are held back.
    fn peaks(&self) -> [(&'static str, String); 6] {
        let PeakLimits { queue, room } = &self.peaks;
        [
            ("peaks.photo_change_queue", queue.photo_change.to_string()),
            ("peaks.reapplication_queue", queue.reapplication.to_string()),
            ("peaks.first_queue", queue.first.to_string()),
            ("peaks.photo_change_room", room.photo_change.to_string()),
            ("peaks.reapplication_room", room.reapplication.to_string()),
            ("peaks.first_room", room.first.to_string()),
        ]
    }
}

/// The token with signing keys. Of its PIN only the file is shown.
fn token(token: &Pkcs11) -> [(&'static str, String); 5] {
    let name = match &token.token {
        TokenName::Label(label) => label.clone(),
        TokenName::Slot(slot) => format!("slot {slot}"),
    };
    let key = |key: &Option<KeyName>| match key {
        Some(KeyName::Label(label)) => label.clone(),
        Some(KeyName::Id(id)) => format!("id:{}", encoded_bytes(id).as_str()),
        None => "-".to_owned(),
    };
    [
        ("pkcs11.module", token.module.display().to_string()),
        ("pkcs11.token", name),
        ("pkcs11.pin_file", optional(token.pin_file.as_ref())),
        ("pkcs11.licence_key", key(&token.licence_key)),
        ("pkcs11.online_key", key(&token.online_key)),
    ]
}

/// To whom this one speaks. Of a token only the file is shown.
fn outside(config: &Config) -> Vec<(&'static str, String)> {
    let file = optional;
    let address = |peer: &Peer| {
        let token = file(peer.token_file.as_ref());
        let (url, seconds) = (&peer.url, peer.timeout.as_secs());
        let roots = file(peer.ca_file.as_ref());
        format!("{url} (token_file {token}, ca_file {roots}, timeout {seconds} s)")
    };
    let none = || "-".to_owned();
    let gateway = config.texts.gateway.as_ref();
    let identity = config.identity.as_ref();
    let push = config.push.as_ref();
    let witness = match &config.audit.witness {
        Some(Witness::File(path)) => path.display().to_string(),
        Some(Witness::Http(peer)) => address(peer),
        None => "-".to_owned(),
    };
    vec![
        ("texts.gateway_url", gateway.map_or_else(none, address)),
        (
            "texts.report_token_file",
            file(config.texts.report_token_file.as_ref()),
        ),
        ("identity.url", identity.map_or_else(none, address)),
        (
            "push.contact",
            push.map_or("-", |push| push.contact.as_str()).to_owned(),
        ),
        (
            "push.services",
            list(
                push.iter()
                    .flat_map(|push| push.hosts.iter().map(PushHost::shown)),
            ),
        ),
        (
            "push.ca_file",
            file(push.and_then(|push| push.ca_file.as_ref())),
        ),
        ("audit.witness", witness),
    ]
}

/// By what photos are judged, and what reviewers may search.
fn faces(config: &Config) -> Vec<(&'static str, String)> {
    let file = optional;
    vec![
        ("models.dir", config.models.display().to_string()),
        (
            "models.calibration",
            file(config.calibration.as_ref().map(|files| &files.record)),
        ),
        (
            "models.calibration_key",
            file(config.calibration.as_ref().map(|files| &files.key)),
        ),
        (
            "review.duplicate_faces",
            config.review.duplicate_faces.to_string(),
        ),
        (
            "review.duplicate_scope",
            scope_names(config.review.duplicate_scope),
        ),
        (
            "review.face_template_days",
            config.review.face_template_days.to_string(),
        ),
    ]
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            let file = self.file.display();
            let Problem { line, key, text } = problem;
            let colon = if key.is_empty() { "" } else { ": " };
            write!(
                f,
                "{separator}{file}:{line}: {key}{colon}{} ({})",
                text.en, text.zh
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

fn optional(path: Option<&PathBuf>) -> String {
    path.map_or_else(|| "-".to_owned(), |path| path.display().to_string())
}

/// Separated by spaces; a dash where there is nothing.
fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(" ")
    }
}
