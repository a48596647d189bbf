//! Who can sign in to the demonstration: made at random for each data folder, kept there so that a
//! restart tells the same.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{config::Config, failure::Failure, key_files};

/// The accounts of a demonstration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    v: u32,
    /// How many walks there were; each takes a driver of its own.
    pub walks: u64,
    people: Vec<Account>,
}

/// One account. Its `Debug` form leaves the secret out.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Whose, e.g. `counter` or `driver-black`.
    pub role: String,
    /// Code of the city.
    pub city: String,
    /// What to sign in as: a login, a licence number, the name of a registry source.
    pub login: String,
    /// Password, activation code or token.
    pub secret: String,
    /// Until when an activation code works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

const FILE: &str = "demo-accounts.json";
const VERSION: u32 = 1;

impl Accounts {
    pub(super) fn new(accounts: Vec<Account>) -> Self {
        Self {
            v: VERSION,
            walks: 0,
            people: accounts,
        }
    }

    /// Those of the data folder, if there is a demonstration in it.
    ///
    /// # Errors
    /// When the file is none of this version.
    pub fn load(config: &Config) -> Result<Option<Self>, Failure> {
        let path = path(config);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let accounts: Option<Self> = serde_json::from_slice(&text).ok();
        match accounts.filter(|accounts| accounts.v == VERSION) {
            Some(accounts) => Ok(Some(accounts)),
            None => Err(Failure::new(
                "demo-accounts",
                "演示账号文件无法识别：请删除该演示数据目录后重试",
                "The file of demo accounts is none: remove this demo's data folder and try again",
            )
            .about(path.display())),
        }
    }

    /// Keeps them in the data folder; the file is replaced as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, config: &Config) -> Result<(), Failure> {
        let path = path(config);
        let new = path.with_extension("json.new");
        remove_left_over(&new)?;
        let text = serde_json::to_string_pretty(self).map_err(io::Error::from)?;
        key_files::write_new(&new, &text)?;
        fs::rename(&new, &path)?;
        Ok(())
    }

    /// The account with a role in a city.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(&self, role: &str, city: &str) -> Result<&Account, Failure> {
        let mut accounts = self.people.iter();
        accounts
            .find(|account| account.role == role && account.city == city)
            .ok_or_else(|| {
                Failure::new(
                    "demo-account-missing",
                    "缺少演示账号",
                    "A demo account is missing",
                )
                .about(format!("{role} {city}"))
            })
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Account> {
        self.people.iter_mut()
    }

    /// One line each: role, address, login, password or code.
    #[must_use]
    pub fn lines(&self, base_url: &str) -> Vec<String> {
        self.people
            .iter()
            .map(|account| {
                let Account {
                    role,
                    login,
                    secret,
                    ..
                } = account;
                let page = page_of(role);
                format!("{role}  {base_url}{page}  {login}  {secret}")
            })
            .collect()
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("role", &self.role)
            .field("city", &self.city)
            .finish_non_exhaustive()
    }
}

/// The web app in which an account is at home.
fn page_of(role: &str) -> &'static str {
    match role {
        "police" | "window" => "/verify",
        _ => "/",
    }
}

fn path(config: &Config) -> PathBuf {
    config.data.join(FILE)
}

fn remove_left_over(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_kept_and_told_one_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse("", None, folder.path()).unwrap();
        assert!(Accounts::load(&config).unwrap().is_none());
        let account = Account {
            role: "counter".to_owned(),
            city: "1101".to_owned(),
            login: "counter-beijing".to_owned(),
            secret: "s3cret".to_owned(),
            expires_at: None,
        };
        let mut accounts = Accounts::new(vec![account]);
        accounts.keep(&config).unwrap();
        accounts.walks = 2;
        accounts.keep(&config).unwrap();
        let read = Accounts::load(&config).unwrap().unwrap();
        assert_eq!(read.walks, 2);
        assert_eq!(
            read.lines("http://a"),
            ["counter  http://a/  counter-beijing  s3cret"]
        );
        assert!(read.of("counter", "1101").is_ok() && read.of("police", "1101").is_err());
        assert!(!format!("{read:?}").contains("s3cret"));
        fs::write(folder.path().join(FILE), "{}").unwrap();
        assert!(Accounts::load(&config).is_err());
    }
}
