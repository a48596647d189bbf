//! Texts in Chinese and English, side by side.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::Serialize;

/// A fixed text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Text {
    /// Chinese, shown first.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

/// A text in both languages that may hold a date; never personal data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Message {
    /// Chinese, shown first.
    pub zh: Cow<'static, str>,
    /// English.
    pub en: Cow<'static, str>,
}

impl Message {
    /// The text with every `{date}` written out as `YYYY-MM-DD`.
    #[must_use]
    pub fn dated(text: Text, date: Date) -> Self {
        let date = date.to_string();
        Self {
            zh: Cow::Owned(text.zh.replace("{date}", &date)),
            en: Cow::Owned(text.en.replace("{date}", &date)),
        }
    }
}

impl From<Text> for Message {
    fn from(text: Text) -> Self {
        Self {
            zh: Cow::Borrowed(text.zh),
            en: Cow::Borrowed(text.en),
        }
    }
}
