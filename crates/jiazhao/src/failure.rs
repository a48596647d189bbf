//! Why a command did not do what was asked.

use std::{error::Error as _, fmt};

use authority::Error;
use storage::StoreError;

use licence::Text;

/// A command that ends with an exit code other than nought: stable code, both languages, and what
/// it is about. Never personal data.
#[derive(Debug)]
pub struct Failure {
    code: &'static str,
    text: Text,
    about: Option<String>,
}

const MISMATCH: Failure = Failure::new(
    "database-mismatch",
    "数据库与主密钥或程序版本不符",
    "Database, master keys and program do not fit together",
);

/// The exit code of a command that could not run.
pub const COULD_NOT_RUN: u8 = 2;

impl Failure {
    /// A failure with its stable code and its text.
    #[must_use]
    pub const fn new(code: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self {
            code,
            text: Text { zh, en },
            about: None,
        }
    }

    /// The same, with the path, name or cause it is about.
    #[must_use]
    pub fn about(mut self, about: impl fmt::Display) -> Self {
        self.about = Some(about.to_string());
        self
    }

    /// The same, with the place before what it is about.
    #[must_use]
    pub fn within(self, place: impl fmt::Display) -> Self {
        let about = match &self.about {
            Some(about) => format!("{place}: {about}"),
            None => place.to_string(),
        };
        self.about(about)
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text.en)?;
        if let Some(about) = &self.about {
            write!(f, ": {about}")?;
        }
        write!(f, " ({})", self.text.zh)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let refusal = error.refusal();
        let failure = Self {
            code: refusal.code,
            text: refusal.text,
            about: None,
        };
        match &error {
            Error::Refused(..) | Error::TooMany(_) | Error::Held(..) => failure,
            Error::Store(StoreError::Mismatch(what)) => MISMATCH.about(what),
            Error::Store(cause) => failure.about(chain(cause)),
            Error::Internal(what) => failure.about(what),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(Error::from(error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new("input-output", "读写失败", "Reading or writing failed").about(error)
    }
}

/// The causes behind a store's error: engine and folder, no record ever.
fn chain(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
