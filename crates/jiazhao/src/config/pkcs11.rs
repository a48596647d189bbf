//! `[pkcs11]`: signing keys in a token.

use std::path::PathBuf;

use licence::Text;

use super::source::Source;

/// A token with signing keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs11 {
    /// The library of the token's maker.
    pub module: PathBuf,
    /// Which token.
    pub token: TokenName,
    /// Where its PIN is read; a terminal is asked where there is none.
    pub pin_file: Option<PathBuf>,
    /// The key that signs licences, if one does.
    pub licence_key: Option<KeyName>,
    /// The key that signs what the server states of the present, if one does.
    pub online_key: Option<KeyName>,
}

/// Which of several tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenName {
    /// The one with this label.
    Label(String),
    /// The one in this slot.
    Slot(u32),
}

/// Which of several keys of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// The one with this label (`CKA_LABEL`).
    Label(String),
    /// The one with this identifier (`CKA_ID`).
    Id(Vec<u8>),
}

pub(super) const PKCS11: &[&str] = &[
    "module",
    "token",
    "slot",
    "pin_file",
    "licence_key",
    "online_key",
];

const SECTION: &str = "pkcs11";

pub(super) fn pkcs11(source: &mut Source<'_>) -> Option<Pkcs11> {
    const PATH: Text = Text {
        zh: "应为文件路径",
        en: "this must be the path of a file",
    };
    const LABEL: Text = Text {
        zh: "应为 1 至 32 字节的标签",
        en: "this must be a label of 1 to 32 bytes",
    };
    const KEY: Text = Text {
        zh: "应为密钥标签，或 id: 后接十六进制标识",
        en: "this must be the label of a key, or id: and its identifier in hexadecimal",
    };
    let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text)).ok_or(PATH);
    let module = source.text(SECTION, "module", path);
    let pin_file = source.text(SECTION, "pin_file", path);
    let label = source.text(SECTION, "token", |text| {
        let fits = (1..=32).contains(&text.len());
        fits.then(|| text.to_owned()).ok_or(LABEL)
    });
    let slot = source.number(SECTION, "slot", (0, u32::MAX));
    let mut key = |name| source.text(SECTION, name, |text| key_name(text).ok_or(KEY));
    let (licence_key, online_key) = (key("licence_key"), key("online_key"));
    let token = match (label, slot) {
        (Some(label), None) => Some(TokenName::Label(label)),
        (None, Some(slot)) => Some(TokenName::Slot(slot)),
        (None, None) | (Some(_), Some(_)) => None,
    };
    missing(source, token.is_some());
    Some(Pkcs11 {
        module: module?,
        token: token?,
        pin_file,
        licence_key,
        online_key,
    })
}

/// Names what a section that is there lacks.
fn missing(source: &mut Source<'_>, one_token: bool) {
    const MODULE: Text = Text {
        zh: "缺少 module：密码机厂商提供的 PKCS#11 动态库",
        en: "module is missing: the PKCS#11 library of the token's maker",
    };
    const ONE_TOKEN: Text = Text {
        zh: "应设置 token（标签）或 slot（槽位）之一",
        en: "either token (a label) or slot must be set",
    };
    const A_KEY: Text = Text {
        zh: "应设置 licence_key 或 online_key，或两者，且互不相同",
        en: "licence_key or online_key must be set, or both, and they must differ",
    };
    let Some(first) = PKCS11.iter().find(|key| source.has(SECTION, key)) else {
        return;
    };
    if !source.has(SECTION, "module") {
        source.between(SECTION, first, MODULE);
    }
    let named = ["token", "slot"].map(|key| source.has(SECTION, key));
    if !one_token && (named == [false, false] || named == [true, true]) {
        source.between(SECTION, first, ONE_TOKEN);
    }
    let keys = ["licence_key", "online_key"].map(|key| source.has(SECTION, key));
    let same = source.said(SECTION, "licence_key") == source.said(SECTION, "online_key");
    if keys == [false, false] || keys == [true, true] && same {
        source.between(SECTION, first, A_KEY);
    }
}

fn key_name(text: &str) -> Option<KeyName> {
    let Some(digits) = text.strip_prefix("id:") else {
        let fits = (1..=64).contains(&text.len()) && !text.contains(char::is_control);
        return fits.then(|| KeyName::Label(text.to_owned()));
    };
    let id = crate::key_files::decoded_bytes(digits)?;
    (1..=32)
        .contains(&id.len())
        .then(|| KeyName::Id(id.to_vec()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parsed(lines: &str) -> Result<Option<Pkcs11>, Vec<String>> {
        let text = format!("[pkcs11]\n{lines}");
        match Config::parse(&text, None, Path::new("data")) {
            Ok(config) => Ok(config.pkcs11),
            Err(error) => Err(error.problems.into_iter().map(|one| one.key).collect()),
        }
    }

    const GOOD: &str = "module = \"/lib/x.so\"\ntoken = \"t\"\nlicence_key = \"a\"\n";

    #[test]
    fn a_token_is_named_with_its_keys() {
        let token = parsed(GOOD).unwrap().unwrap();
        assert_eq!(token.token, TokenName::Label("t".to_owned()));
        assert_eq!(token.licence_key, Some(KeyName::Label("a".to_owned())));
        assert_eq!((token.online_key, token.pin_file), (None, None));
        let by_id = "module = \"/lib/x.so\"\nslot = 7\nonline_key = \"id:00fF\"\n";
        let token = parsed(by_id).unwrap().unwrap();
        assert_eq!(token.token, TokenName::Slot(7));
        assert_eq!(token.online_key, Some(KeyName::Id(vec![0, 0xff])));
        assert_eq!(
            Config::parse("", None, Path::new("data")).unwrap().pkcs11,
            None
        );
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        for (lines, key) in [
            ("token = \"t\"\nlicence_key = \"a\"\n", "pkcs11.token"),
            ("module = \"m\"\nlicence_key = \"a\"\n", "pkcs11.module"),
            (
                "module = \"m\"\ntoken = \"t\"\nslot = 1\nlicence_key = \"a\"\n",
                "pkcs11.module",
            ),
            ("module = \"m\"\ntoken = \"t\"\n", "pkcs11.module"),
            (
                "module = \"m\"\ntoken = \"t\"\nlicence_key = \"a\"\nonline_key = \"a\"\n",
                "pkcs11.module",
            ),
            (
                "module = \"\"\ntoken = \"t\"\nlicence_key = \"a\"\n",
                "pkcs11.module",
            ),
            (
                "module = \"m\"\ntoken = \"\"\nlicence_key = \"a\"\n",
                "pkcs11.token",
            ),
            (
                "module = \"m\"\ntoken = \"t\"\nlicence_key = \"id:0\"\n",
                "pkcs11.licence_key",
            ),
            (
                "module = \"m\"\ntoken = \"t\"\nlicence_key = \"id:\"\n",
                "pkcs11.licence_key",
            ),
            (
                "module = \"m\"\ntoken = \"t\"\nlicence_key = 1\n",
                "pkcs11.licence_key",
            ),
        ] {
            assert_eq!(parsed(lines), Err(vec![key.to_owned()]), "{lines}");
        }
        let stranger = format!("{GOOD}pin = \"1\"\n");
        assert_eq!(parsed(&stranger), Err(vec!["pkcs11.pin".to_owned()]));
    }
}
