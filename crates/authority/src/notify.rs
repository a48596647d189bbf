//! Messages that leave the system: what they say, and who carries them.
//!
//! A text holds a single-use code or the link of a freeze, and nothing about the person: neither
//! name nor number nor address. Whoever reads it on a locked screen learns that somebody has an
//! account.

use std::{fmt, future::Future, pin::Pin};

use storage::TextId;
use zeroize::Zeroizing;

/// Carries texts to phones. What it answers is recorded; it is asked again after
/// [`NotSent::Later`], so that a text may reach it more than once: [`Text::id`] is the same then.
pub trait Notifier: Send + Sync + fmt::Debug {
    /// Hands one text over. It ends by itself, within half a minute.
    fn send<'a>(
        &'a self,
        text: &'a Text,
    ) -> Pin<Box<dyn Future<Output = Result<Sent, NotSent>> + Send + 'a>>;
}

/// A text as it is handed over.
pub struct Text {
    /// Which: the receiver knows a repetition by it.
    pub id: TextId,
    /// What it says.
    pub kind: TextKind,
    /// The phone number: digits, with a leading `+` or without.
    pub to: Zeroizing<String>,
    /// In Chinese.
    pub zh: Zeroizing<String>,
    /// In English.
    pub en: Zeroizing<String>,
}

/// A text was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The carrier's own name for it.
    pub reference: Option<String>,
    /// Whether it arrived already; otherwise that is reported later, if at all.
    pub delivered: bool,
}

/// A text was not taken over. The code is stable and says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// It may be later.
    Later(&'static str),
    /// It never will be.
    Never(&'static str),
}

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextKind {
    /// A single-use code that proves the phone.
    PhoneCode,
    /// The account was activated.
    AccountActivated,
    /// The account was recovered.
    AccountRecovered,
    /// A new device was added.
    DeviceAdded,
    /// Somebody knew the password on a device that is not known.
    DeviceRefused,
    /// The registry's phone number changed.
    ContactChanged,
    /// Another device presents the licence.
    DeviceReplaced,
    /// The account was frozen.
    AccountFrozen,
    /// The account was unfrozen.
    AccountUnfrozen,
    /// The e-licence was issued (R37).
    LicenceIssued,
    /// Applying and the e-licence were stopped (R75).
    Sanctioned,
    /// That was lifted.
    SanctionLifted,
}

/// What a text carries besides its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// Nothing.
    Nothing,
    /// A single-use code.
    Code,
    /// The link by which the receiver freezes the account.
    FreezeLink,
}

/// Where the code or the link stands in the words.
const PLACE: &str = "{}";

impl TextKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::PhoneCode,
        Self::AccountActivated,
        Self::AccountRecovered,
        Self::DeviceAdded,
        Self::DeviceRefused,
        Self::ContactChanged,
        Self::DeviceReplaced,
        Self::AccountFrozen,
        Self::AccountUnfrozen,
        Self::LicenceIssued,
        Self::Sanctioned,
        Self::SanctionLifted,
    ];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PhoneCode => "phone-code",
            Self::AccountActivated => "account-activated",
            Self::AccountRecovered => "account-recovered",
            Self::DeviceAdded => "device-added",
            Self::DeviceRefused => "device-refused",
            Self::ContactChanged => "contact-changed",
            Self::DeviceReplaced => "device-replaced",
            Self::AccountFrozen => "account-frozen",
            Self::AccountUnfrozen => "account-unfrozen",
            Self::LicenceIssued => "e-licence-issued",
            Self::Sanctioned => "sanctioned",
            Self::SanctionLifted => "sanction-lifted",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What it carries.
    #[must_use]
    pub const fn carries(self) -> Carries {
        match self {
            Self::PhoneCode => Carries::Code,
            Self::AccountActivated
            | Self::AccountRecovered
            | Self::DeviceAdded
            | Self::DeviceRefused
            | Self::ContactChanged
            | Self::DeviceReplaced
            | Self::AccountUnfrozen
            | Self::LicenceIssued => Carries::FreezeLink,
            Self::AccountFrozen | Self::Sanctioned | Self::SanctionLifted => Carries::Nothing,
        }
    }

    /// Its words, with a place for what it carries.
    const fn words(self) -> licence::Text {
        let (zh, en) = match self {
            Self::PhoneCode => (
                "验证码 {}，用于证明本人使用此手机号。请勿告诉任何人，工作人员也不会索要。",
                "Your code is {}. It proves that this phone is yours. Tell nobody: no officer will ask for it.",
            ),
            Self::AccountActivated => (
                "您的电子驾驶证账号已激活。如非本人操作，请打开链接冻结：{}",
                "Your electronic licence account was activated. If this was not you, freeze it: {}",
            ),
            Self::AccountRecovered => (
                "您的电子驾驶证账号已重设密码。如非本人操作，请打开链接冻结：{}",
                "The password of your electronic licence account was set anew. If this was not you, freeze it: {}",
            ),
            Self::DeviceAdded => (
                "您的电子驾驶证账号已在新设备登录。如非本人操作，请打开链接冻结：{}",
                "Your electronic licence account was opened on a new device. If this was not you, freeze it: {}",
            ),
            Self::DeviceRefused => (
                "有人在陌生设备上输入了您电子驾驶证账号的正确密码，登录已被拒绝。如非本人操作，请修改密码，或打开链接冻结：{}",
                "Somebody entered the right password of your electronic licence account on an unknown device and was refused. If this was not you, change the password or freeze the account: {}",
            ),
            Self::ContactChanged => (
                "驾驶证登记的手机号已变更。如非本人办理，请打开链接冻结电子驾驶证账号：{}",
                "The phone number on your driving licence record was changed. If this was not you, freeze your electronic licence account: {}",
            ),
            Self::DeviceReplaced => (
                "您的电子驾驶证已改由另一台设备出示，原设备的二维码已失效。如非本人操作，请打开链接冻结：{}",
                "Your electronic licence is now shown by another device; the codes of the one before are void. If this was not you, freeze it: {}",
            ),
            Self::AccountFrozen => (
                "您的电子驾驶证账号已冻结。请持身份证明到车辆管理所窗口解冻。",
                "Your electronic licence account is frozen. A vehicle administration office unfreezes it on proof of identity.",
            ),
            Self::AccountUnfrozen => (
                "您的电子驾驶证账号已解冻。如非本人办理，请打开链接再次冻结：{}",
                "Your electronic licence account is no longer frozen. If this was not you, freeze it again: {}",
            ),
            Self::LicenceIssued => (
                "您的电子驾驶证申领成功，已可在 App 中出示。如非本人办理，请打开链接冻结账号：{}",
                "Your electronic licence has been issued and can be shown in the app. If this was not you, freeze the account: {}",
            ),
            // Whoever reads it on a locked screen learns nothing of a sanction.
            Self::Sanctioned | Self::SanctionLifted => (
                "您的电子驾驶证账号有一条重要消息，请打开电子驾驶证应用查看。",
                "There is an important message about your electronic licence: open the app to read it.",
            ),
        };
        licence::Text { zh, en }
    }

    /// The whole text, Chinese and English.
    pub(crate) fn written(self, value: Option<&str>) -> (Zeroizing<String>, Zeroizing<String>) {
        let licence::Text { zh, en } = self.words();
        (filled(zh, value), filled(en, value))
    }
}

/// The words with `value` in its place, in a string that does not move while it grows.
fn filled(words: &str, value: Option<&str>) -> Zeroizing<String> {
    let value = value.unwrap_or_default();
    let length = words.len().saturating_add(value.len());
    let mut text = Zeroizing::new(String::with_capacity(length));
    for (index, part) in words.split(PLACE).enumerate() {
        if index > 0 {
            text.push_str(value);
        }
        text.push_str(part);
    }
    text
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_back_from_its_name() {
        for kind in TextKind::ALL {
            assert_eq!(TextKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(TextKind::parse("status-changed"), None);
    }

    #[test]
    fn the_words_have_a_place_for_what_they_carry_and_no_other() {
        for kind in TextKind::ALL {
            let places = usize::from(kind.carries() != Carries::Nothing);
            let licence::Text { zh, en } = kind.words();
            for words in [zh, en] {
                assert_eq!(words.matches(PLACE).count(), places, "{words}");
                assert_eq!(words.matches(['{', '}']).count(), 2 * places, "{words}");
            }
            let value = (places == 1).then_some("424242");
            let (zh, en) = kind.written(value);
            for text in [zh, en] {
                assert_eq!(text.contains("424242"), places == 1);
                assert!(!text.contains(PLACE), "{}", *text);
            }
        }
    }
}
