//! The configuration: one TOML file, which is not needed, and what applies without it.
//!
//! Unknown keys are errors. Nothing is read from the environment. Paths are relative to the working
//! directory, as on the command line.

mod activation;
mod models;
mod peaks;
mod peers;
mod pkcs11;
mod push;
mod review;
mod shown;
mod source;
mod status;

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use authority::{CertificateCodes, peaks::PeakLimits};
use credential::Suite;
use licence::{CertificateIdentifier, Text, certificate};
use storage::{AtRest, Layout};

use crate::{failure::Failure, unlock::Unlock};
pub use activation::Activation;
pub use models::CalibrationFiles;
pub(crate) use peers::url as peer_url;
pub use peers::{Audit, Peer, Texts, Witness, witness_named};
pub use pkcs11::{KeyName, Pkcs11, TokenName};
pub(crate) use push::host_and_port;
pub use push::{PushHost, WebPush};
pub use review::Review;
pub use source::Problem;
use source::{Known, Source};
pub use status::StatusLists;

/// What applies: the file's settings, and the defaults for all others.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
    /// `[server]`
    pub server: Server,
    /// `[database]`
    pub database: Database,
    /// `[storage]`
    pub storage: AtRestStorage,
    /// `[keys]`
    pub keys: Keys,
    /// `[pkcs11]`: a token with signing keys, where there is one.
    pub pkcs11: Option<Pkcs11>,
    /// `[issuer]`
    pub issuer: Issuer,
    /// `[status]`
    pub status: StatusLists,
    /// `[codes]`
    pub codes: Codes,
    /// `[texts]`
    pub texts: Texts,
    /// `[identity]`: the service that shows who a person is, in the place of frames.
    pub identity: Option<Peer>,
    /// `[push]`
    pub push: Option<WebPush>,
    /// `[audit]`
    pub audit: Audit,
    /// `[peaks]`
    pub peaks: PeakLimits,
    /// `[models]`: the folder of the face models.
    pub models: PathBuf,
    /// `[models]`: the calibration record on which automatic issue can rest.
    pub calibration: Option<CalibrationFiles>,
    /// `[review]`
    pub review: Review,
    /// `[activation]`
    pub activation: Activation,
    /// `[log]`
    pub log: Log,
}

/// Where the service is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Address under which clients reach it, where that differs; without a trailing slash.
    pub base_url: Option<String>,
    /// Addresses of the operator's own proxies, whose `X-Forwarded-For` counts.
    pub proxies: Vec<IpAddr>,
}

/// The database.
#[derive(Clone, PartialEq, Eq)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://...`. May hold a password.
    pub url: String,
    /// Connections for reading (SQLite) or for everything (PostgreSQL).
    pub connections: u32,
    /// How growing tables are laid out.
    pub layout: Layout,
}

/// Where the two master keys lie, and what opens them.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Wraps the data keys.
    pub master_file: PathBuf,
    /// Keys the blind index.
    pub index_file: PathBuf,
    /// What opens those that are protected.
    pub unlock: Unlock,
    /// Whether `serve` on a database server takes keys that lie in the data folder.
    pub beside_data: bool,
    /// Remembers the newest checkpoint of the audit that this node has seen.
    pub seen_file: PathBuf,
}

/// What lies at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtRestStorage {
    /// The suite that seals a new store, and that an existing one must have; whatever it has, where
    /// nothing is said.
    pub at_rest: Option<AtRest>,
}

/// In whose name licences are issued.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Name in credentials and in the trust list.
    pub name: String,
    /// Codes of the certificate identifier (GB/T 36904), where they are known.
    pub certificate: Option<CertificateCodes>,
    /// The suites in which every credential is signed; verification reads the first.
    pub suites: Vec<Suite>,
}

/// What the codes of bound devices carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codes {
    /// The one suite in which they are signed; one of the issuer's.
    pub suite: Suite,
    /// Holds the public key of enforcement terminals; without one there are no enforcement codes.
    pub enforcement_key: Option<PathBuf>,
}

/// The log, on standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its form.
    pub format: LogFormat,
    /// What is logged, as `tracing-subscriber` reads it: `info`, `warn,service=debug`, ...
    pub filter: String,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

/// The name of the file that is read without `--config`, in the data folder.
pub const DEFAULT_FILE: &str = "jiazhao.toml";

/// What is logged where the file does not say.
pub const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// The system that generates licences (R9).
const DEFAULT_ISSUER: &str = "全国公安交管电子证照系统";

const KNOWN: &Known = &[
    ("server", &["listen", "base_url", "proxies"]),
    ("database", &["url", "connections", "layout"]),
    ("storage", &["at_rest"]),
    (
        "keys",
        &[
            "master_file",
            "index_file",
            "seen_file",
            "passphrase_file",
            "wrapping_file",
            "beside_data",
        ],
    ),
    ("pkcs11", pkcs11::PKCS11),
    ("issuer", &["name", "type_code", "issuer_code", "suites"]),
    ("status", status::STATUS),
    ("codes", &["suite", "enforcement_key"]),
    ("texts", peers::TEXTS),
    ("identity", peers::IDENTITY),
    ("push", push::PUSH),
    ("audit", peers::AUDIT),
    ("models", models::MODELS),
    ("review", review::REVIEW),
    ("activation", activation::ACTIVATION),
    ("peaks", peaks::PEAKS),
    ("log", &["format", "filter"]),
];

/// Everything wrong with a configuration file.
#[derive(Debug)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Every problem, in the order of the file.
    pub problems: Vec<Problem>,
}

impl Config {
    /// Reads `file`, or the data folder's own if that exists.
    ///
    /// # Errors
    /// When the file cannot be read, or every problem in it.
    pub fn load(file: Option<&Path>, data: &Path) -> Result<Self, Failure> {
        let default = data.join(DEFAULT_FILE);
        let path = file.unwrap_or(&default);
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => {
                return Self::parse("", None, data).map_err(Failure::from);
            }
            Err(error) => {
                let about = format!("{}: {error}", path.display());
                return Err(Failure::new(
                    "config-unreadable",
                    "无法读取配置文件",
                    "The configuration file cannot be read",
                )
                .about(about));
            }
        };
        Self::parse(&text, Some(path), data).map_err(Failure::from)
    }

    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn parse(text: &str, file: Option<&Path>, data: &Path) -> Result<Self, ConfigError> {
        let mut source = Source::read(text, KNOWN);
        let issuer = issuer(&mut source);
        let calibration = models::calibration(&mut source);
        let identity = peers::identity(&mut source);
        let rests_on = (calibration.is_some(), identity.is_some());
        let config = Self {
            data: data.to_owned(),
            file: file.map(Path::to_owned),
            server: server(&mut source),
            database: database(&mut source, data),
            storage: storage(&mut source),
            keys: keys(&mut source, data),
            pkcs11: pkcs11::pkcs11(&mut source),
            status: status::status(&mut source),
            codes: codes(&mut source, &issuer),
            issuer,
            texts: peers::texts(&mut source),
            identity,
            push: push::push(&mut source),
            audit: peers::audit(&mut source),
            peaks: peaks::limits(&mut source),
            models: models::folder(&mut source),
            review: review::review(&mut source, calibration.is_some()),
            activation: activation::activation(&mut source, rests_on),
            calibration,
            log: log(&mut source),
        };
        let problems = source.finish();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError {
                file: file.unwrap_or_else(|| Path::new(DEFAULT_FILE)).to_owned(),
                problems,
            })
        }
    }

    /// Where clients reach the service.
    #[must_use]
    pub fn base_url(&self) -> String {
        let default = || format!("http://{}", self.server.listen);
        self.server.base_url.clone().unwrap_or_else(default)
    }

    /// Where the root private key lies right after it was made, until it is taken away.
    #[must_use]
    pub fn root_key_file(&self) -> PathBuf {
        self.data.join("keys").join("root.json")
    }

    /// The SQLite file, unless the database is another.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<&Path> {
        self.database.url.strip_prefix("sqlite:").map(Path::new)
    }
}

fn server(source: &mut Source<'_>) -> Server {
    const LISTEN: Text = Text {
        zh: "应为 IP 地址和端口，如 127.0.0.1:8080",
        en: "this must be an IP address and a port, e.g. 127.0.0.1:8080",
    };
    const BASE_URL: Text = Text {
        zh: "应为 http:// 或 https:// 开头、不以 / 结尾的地址",
        en: "this must begin with http:// or https:// and not end in a slash",
    };
    const PROXIES: Text = Text {
        zh: "应为 IP 地址列表",
        en: "this must be a list of IP addresses",
    };
    let listen = source.text("server", "listen", |text| text.parse().ok().ok_or(LISTEN));
    let base_url = source.text("server", "base_url", |text| {
        let rest = ["https://", "http://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        let shaped = rest.is_some_and(|rest| {
            let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#@\"'<>\\".contains(&byte);
            !rest.is_empty() && rest.len() <= 200 && !rest.ends_with('/') && rest.bytes().all(plain)
        });
        shaped.then(|| text.to_owned()).ok_or(BASE_URL)
    });
    let proxies = source.list("server", "proxies", |texts| {
        let addresses: Option<Vec<IpAddr>> = texts.iter().map(|text| text.parse().ok()).collect();
        addresses.ok_or(PROXIES)
    });
    Server {
        proxies: proxies.unwrap_or_default(),
        listen: listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
        base_url,
    }
}

fn database(source: &mut Source<'_>, data: &Path) -> Database {
    const URL: Text = Text {
        zh: "应以 sqlite: 或 postgres:// 开头",
        en: "this must begin with sqlite: or postgres://",
    };
    const LAYOUT: Text = Text {
        zh: "应为 plain 或 partitioned",
        en: "this must be plain or partitioned",
    };
    const SQLITE_IS_PLAIN: Text = Text {
        zh: "SQLite 不支持分区表",
        en: "SQLite has no partitioned tables",
    };
    let url = source.text("database", "url", |text| {
        let sqlite = text
            .strip_prefix("sqlite:")
            .is_some_and(|path| !path.is_empty());
        let server = text.starts_with("postgres://") || text.starts_with("postgresql://");
        (sqlite || server).then(|| text.to_owned()).ok_or(URL)
    });
    let url = url.unwrap_or_else(|| format!("sqlite:{}", data.join("jiazhao.sqlite").display()));
    let connections = source.number("database", "connections", (1, 1000));
    let layout = source.text("database", "layout", |text| match text {
        "plain" => Ok(Layout::Plain),
        "partitioned" => Ok(Layout::Partitioned),
        _ => Err(LAYOUT),
    });
    let layout = layout.unwrap_or_default();
    if layout == Layout::Partitioned && url.starts_with("sqlite:") {
        source.between("database", "layout", SQLITE_IS_PLAIN);
    }
    Database {
        url,
        connections: connections.unwrap_or(8),
        layout,
    }
}

fn storage(source: &mut Source<'_>) -> AtRestStorage {
    const SUITE: Text = Text {
        zh: "应为 aes-256-gcm 或 sm4-gcm",
        en: "this must be aes-256-gcm or sm4-gcm",
    };
    let at_rest = source.text("storage", "at_rest", |name| {
        AtRest::parse(name).ok_or(SUITE)
    });
    AtRestStorage { at_rest }
}

fn keys(source: &mut Source<'_>, data: &Path) -> Keys {
    const PATH: Text = Text {
        zh: "应为文件路径",
        en: "this must be the path of a file",
    };
    const ONE_FILE: Text = Text {
        zh: "两个密钥不得存放于同一文件",
        en: "the two keys must not lie in one file",
    };
    let mut file = |key: &str| {
        source.text("keys", key, |text| {
            (!text.is_empty()).then(|| PathBuf::from(text)).ok_or(PATH)
        })
    };
    let default = |name: &str| data.join("keys").join(name);
    let (master, index) = (file("master_file"), file("index_file"));
    let unlock = Unlock::new(file("passphrase_file"), file("wrapping_file"));
    let keys = Keys {
        master_file: master.unwrap_or_else(|| default("master.key")),
        index_file: index.unwrap_or_else(|| default("index.key")),
        seen_file: file("seen_file").unwrap_or_else(|| default("seen.json")),
        unlock,
        beside_data: source.flag("keys", "beside_data").unwrap_or_default(),
    };
    if keys.master_file == keys.index_file {
        source.between("keys", "index_file", ONE_FILE);
    }
    keys
}

fn issuer(source: &mut Source<'_>) -> Issuer {
    const NAME: Text = Text {
        zh: "应为 1 至 64 个字符",
        en: "this must have 1 to 64 characters",
    };
    const SUITES: Text = Text {
        zh: "应为不重复的 SM2-SM3、ES256，至少一个",
        en: "this must name SM2-SM3 or ES256 or both, each once",
    };
    let name = source.text("issuer", "name", |text| {
        let shaped = (1..=64).contains(&text.chars().count()) && !text.contains(char::is_control);
        shaped.then(|| text.to_owned()).ok_or(NAME)
    });
    let suites = source.list("issuer", "suites", |names| {
        let suites: Option<Vec<Suite>> = names.iter().map(|name| name.parse().ok()).collect();
        let suites = suites.filter(|suites| {
            let mut names: Vec<&str> = suites.iter().map(Suite::as_str).collect();
            names.sort_unstable();
            names.dedup();
            !names.is_empty() && names.len() == suites.len()
        });
        suites.ok_or(SUITES)
    });
    Issuer {
        name: name.unwrap_or_else(|| DEFAULT_ISSUER.to_owned()),
        certificate: certificate_codes(source),
        suites: suites.unwrap_or_else(|| vec![Suite::sm2(), Suite::Es256]),
    }
}

fn codes(source: &mut Source<'_>, issuer: &Issuer) -> Codes {
    const SUITE: Text = Text {
        zh: "应为 SM2-SM3 或 ES256",
        en: "this must be SM2-SM3 or ES256",
    };
    const NOT_ISSUED: Text = Text {
        zh: "应为 issuer.suites 之一",
        en: "this must be one of issuer.suites",
    };
    const PATH: Text = Text {
        zh: "应为文件路径",
        en: "this must be the path of a file",
    };
    let suite = source.text("codes", "suite", |name| {
        name.parse::<Suite>().map_err(|_unknown| SUITE)
    });
    if suite
        .as_ref()
        .is_some_and(|suite| !issuer.suites.contains(suite))
    {
        source.between("codes", "suite", NOT_ISSUED);
    }
    let enforcement_key = source.text("codes", "enforcement_key", |text| {
        (!text.is_empty()).then(|| PathBuf::from(text)).ok_or(PATH)
    });
    // The national suite where licences are signed in it.
    let national = issuer.suites.iter().find(|suite| **suite != Suite::Es256);
    let default = || national.cloned().unwrap_or(Suite::Es256);
    Codes {
        suite: suite.unwrap_or_else(default),
        enforcement_key,
    }
}

/// Both codes, of the form that GB/T 36904 gives them, or neither.
fn certificate_codes(source: &mut Source<'_>) -> Option<CertificateCodes> {
    const TYPE_CODE: Text = Text {
        zh: "应为 21 位大写字母和数字，末三位为数字",
        en: "this must be 21 capital letters and digits, the last three digits",
    };
    const ISSUER_CODE: Text = Text {
        zh: "应为 18 位统一社会信用代码",
        en: "this must be a unified social credit code of 18 characters",
    };
    const BOTH: Text = Text {
        zh: "type_code 与 issuer_code 须同时设置",
        en: "type_code and issuer_code are set together",
    };
    let type_code = source.text("issuer", "type_code", |text| {
        let builds = CertificateIdentifier::build(text, certificate::DEMO_ISSUER, "1", 1).is_ok();
        builds.then(|| text.to_owned()).ok_or(TYPE_CODE)
    });
    let issuer_code = source.text("issuer", "issuer_code", |text| {
        let builds = CertificateIdentifier::build(certificate::DEMO_TYPE, text, "1", 1).is_ok();
        (builds && text.len() == 18)
            .then(|| text.to_owned())
            .ok_or(ISSUER_CODE)
    });
    match (type_code, issuer_code) {
        (Some(type_code), Some(issuer_code)) => Some(CertificateCodes {
            type_code,
            issuer_code,
        }),
        (None, None) => None,
        (Some(_), None) => {
            source.between("issuer", "type_code", BOTH);
            None
        }
        (None, Some(_)) => {
            source.between("issuer", "issuer_code", BOTH);
            None
        }
    }
}

fn log(source: &mut Source<'_>) -> Log {
    const FORMAT: Text = Text {
        zh: "应为 json 或 text",
        en: "this must be json or text",
    };
    const FILTER: Text = Text {
        zh: "应为日志过滤规则，如 info",
        en: "this must be a filter such as info",
    };
    let format = source.text("log", "format", |text| match text {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err(FORMAT),
    });
    let filter = source.text("log", "filter", |text| {
        let valid = tracing_subscriber::EnvFilter::try_new(text).is_ok();
        valid.then(|| text.to_owned()).ok_or(FILTER)
    });
    Log {
        format: format.unwrap_or(LogFormat::Text),
        filter: filter.unwrap_or_else(|| DEFAULT_FILTER.to_owned()),
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(
            "config-invalid",
            "配置文件有误",
            "The configuration file has problems",
        )
        .about(format!("\n{error}\n"))
    }
}

#[cfg(test)]
mod tests;
