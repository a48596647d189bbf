//! The codes of a licence's status (驾驶证状态): the registry's letters (GA/T 16.25) and the values of
//! a status list.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::Text;

/// A status letter. A licence can carry several at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StatusLetter {
    /// 正常
    A,
    /// 超分
    B,
    /// 转出
    C,
    /// 暂扣
    D,
    /// 撤销
    E,
    /// 吊销
    F,
    /// 注销
    G,
    /// 违法未处理
    H,
    /// 事故未处理
    I,
    /// 停止使用
    J,
    /// 扣押
    K,
    /// 锁定
    L,
    /// 逾期未换证
    M,
    /// 延期换证
    N,
    /// 延期体检
    P,
    /// 注销可恢复
    R,
    /// 逾期未审验
    S,
    /// 延期审验
    T,
    /// 扣留
    U,
    /// 其他
    Z,
    /// A letter that this table does not know: shown red, and it blocks applying.
    Unknown(String),
}

/// A status that is no code at all: empty, too long, or not letters and digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a status code")]
pub struct StatusLetterError;

static NAMES: [(StatusLetter, &str, Text); 20] = {
    use StatusLetter::{A, B, C, D, E, F, G, H, I, J, K, L, M, N, P, R, S, T, U, Z};

    const fn text(zh: &'static str, en: &'static str) -> Text {
        Text { zh, en }
    }

    [
        (A, "A", text("正常", "normal")),
        (B, "B", text("超分", "points reached 12")),
        (C, "C", text("转出", "transferred out")),
        (D, "D", text("暂扣", "suspended")),
        (E, "E", text("撤销", "annulled")),
        (F, "F", text("吊销", "revoked")),
        (G, "G", text("注销", "cancelled")),
        (H, "H", text("违法未处理", "violation open")),
        (I, "I", text("事故未处理", "accident open")),
        (J, "J", text("停止使用", "out of use")),
        (K, "K", text("扣押", "impounded")),
        (L, "L", text("锁定", "locked")),
        (M, "M", text("逾期未换证", "overdue for renewal")),
        (N, "N", text("延期换证", "renewal extended")),
        (P, "P", text("延期体检", "medical check extended")),
        (R, "R", text("注销可恢复", "cancelled, can be restored")),
        (S, "S", text("逾期未审验", "overdue for review")),
        (T, "T", text("延期审验", "review extended")),
        (U, "U", text("扣留", "withheld")),
        (Z, "Z", text("其他", "other")),
    ]
};

impl StatusLetter {
    /// Reads one code of 1 to 8 letters and digits.
    ///
    /// # Errors
    /// If the text cannot be a code. An unknown code is no error.
    pub fn parse(text: &str) -> Result<Self, StatusLetterError> {
        if let Some((letter, ..)) = NAMES.iter().find(|(_, code, _)| *code == text) {
            return Ok(letter.clone());
        }
        if (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self::Unknown(text.to_owned()))
        } else {
            Err(StatusLetterError)
        }
    }

    /// Reads letters written without a separator, as registries print them, e.g. `SH`.
    ///
    /// # Errors
    /// If the text is empty or a character cannot be a code.
    pub fn parse_joined(text: &str) -> Result<Vec<Self>, StatusLetterError> {
        if text.is_empty() {
            return Err(StatusLetterError);
        }
        text.chars()
            .map(|character| Self::parse(character.encode_utf8(&mut [0; 4])))
            .collect()
    }

    /// The letter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match (self, self.entry()) {
            (Self::Unknown(code), _) => code,
            (_, Some((code, _))) => code,
            (_, None) => "",
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Text {
        self.entry().map_or(
            Text {
                zh: "未知状态",
                en: "unknown status",
            },
            |(_, name)| name,
        )
    }

    fn entry(&self) -> Option<(&'static str, Text)> {
        NAMES
            .iter()
            .find(|(letter, ..)| letter == self)
            .map(|(_, code, name)| (*code, *name))
    }
}

/// The value of a status-list entry, four bits in the list for authorised verifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StatusValue {
    /// Shown with a black code.
    Valid = 0,
    /// Revoked, cancelled, superseded: not shown, for good.
    Invalid = 1,
    /// Not shown for the time being.
    Suspended = 2,
    /// Shown with a red code; the public list says suspended.
    Red = 3,
}

impl StatusValue {
    /// Every value, in the order of its number.
    pub const ALL: [Self; 4] = [Self::Valid, Self::Invalid, Self::Suspended, Self::Red];

    /// The four-bit value.
    #[must_use]
    pub const fn value(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Suspended => 2,
            Self::Red => 3,
        }
    }

    /// The value with this number, if one has it.
    #[must_use]
    pub fn from_value(value: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.value() == value)
    }

    /// The two-bit value of the public list, which knows no red.
    #[must_use]
    pub const fn public_value(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Suspended | Self::Red => 2,
        }
    }

    /// The stable text, e.g. for JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Suspended => "suspended",
            Self::Red => "red",
        }
    }

    /// The stricter of two, in the order invalid, suspended, red, valid.
    #[must_use]
    pub const fn strictest(self, other: Self) -> Self {
        if self.strictness() >= other.strictness() {
            self
        } else {
            other
        }
    }

    const fn strictness(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Red => 1,
            Self::Suspended => 2,
            Self::Invalid => 3,
        }
    }
}

impl fmt::Display for StatusLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for StatusLetter {
    type Error = StatusLetterError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<StatusLetter> for String {
    fn from(letter: StatusLetter) -> Self {
        letter.as_str().to_owned()
    }
}

impl Serialize for StatusValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
