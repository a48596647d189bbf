//! The configuration and its problems as people read them, without what may be secret.

use std::fmt;

use storage::Layout;

use super::{Config, ConfigError, Database, LogFormat, Problem};

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
        let certificate = self.issuer.certificate.as_ref();
        let code = |code: Option<&String>| code.map_or("-", String::as_str).to_owned();
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
            (
                "keys.master_file",
                self.keys.master_file.display().to_string(),
            ),
            (
                "keys.index_file",
                self.keys.index_file.display().to_string(),
            ),
            ("keys.seen_file", self.keys.seen_file.display().to_string()),
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
            (
                "log.format",
                match self.log.format {
                    LogFormat::Json => "json".to_owned(),
                    LogFormat::Text => "text".to_owned(),
                },
            ),
            ("log.filter", self.log.filter.clone()),
        ];
        for (key, value) in settings {
            writeln!(f, "{key} = {value}")?;
        }
        Ok(())
    }
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

/// Separated by spaces; a dash where there is nothing.
fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(" ")
    }
}
