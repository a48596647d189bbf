//! Reading the configuration file so that every problem is named with its line, not just the first.

use licence::Text;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// One thing wrong with the file. It never repeats a value, which may be a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key, e.g. `server.listen`; empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub text: Text,
}

/// The sections and the keys that each may have.
pub(super) type Known = [(&'static str, &'static [&'static str])];

const SYNTAX: Text = Text {
    zh: "不符合 TOML 语法",
    en: "this is not TOML",
};
const UNKNOWN: Text = Text {
    zh: "未定义的配置项",
    en: "there is no such setting",
};
const NOT_A_SECTION: Text = Text {
    zh: "应为配置节",
    en: "this must be a section",
};
const NOT_TEXT: Text = Text {
    zh: "应为文本",
    en: "this must be a text",
};
const NOT_A_NUMBER: Text = Text {
    zh: "应为范围内的整数",
    en: "this must be a whole number within its range",
};
const NOT_A_FLAG: Text = Text {
    zh: "应为 true 或 false",
    en: "this must be true or false",
};
const NOT_A_LIST: Text = Text {
    zh: "应为文本列表",
    en: "this must be a list of texts",
};

pub(super) struct Source<'t> {
    text: &'t str,
    root: DeTable<'t>,
    problems: Vec<Problem>,
}

impl<'t> Source<'t> {
    /// Reads the text and names every key that is not known.
    pub(super) fn read(text: &'t str, known: &Known) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut source = Self {
            text,
            root: root.into_inner(),
            problems: Vec::new(),
        };
        for error in errors {
            let start = error.span().map_or(0, |span| span.start);
            source.problem(start, String::new(), SYNTAX);
        }
        for (start, key, text) in source.unknown(known) {
            source.problem(start, key, text);
        }
        source
    }

    /// A text, read further by `read`.
    pub(super) fn text<T>(
        &mut self,
        section: &str,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, Text>,
    ) -> Option<T> {
        let value = self.value(section, key)?;
        let start = value.span().start;
        let outcome = value.get_ref().as_str().ok_or(NOT_TEXT).and_then(read);
        self.taken(start, section, key, outcome)
    }

    /// A whole number from `least` to `most`.
    pub(super) fn number(
        &mut self,
        section: &str,
        key: &str,
        (least, most): (u32, u32),
    ) -> Option<u32> {
        let value = self.value(section, key)?;
        let start = value.span().start;
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| (least..=most).contains(number));
        self.taken(start, section, key, number.ok_or(NOT_A_NUMBER))
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, section: &str, key: &str) -> Option<bool> {
        let value = self.value(section, key)?;
        let start = value.span().start;
        let flag = value.get_ref().as_bool().ok_or(NOT_A_FLAG);
        self.taken(start, section, key, flag)
    }

    /// A list of texts, read further by `read`.
    pub(super) fn list<T>(
        &mut self,
        section: &str,
        key: &str,
        read: impl FnOnce(Vec<&str>) -> Result<T, Text>,
    ) -> Option<T> {
        let value = self.value(section, key)?;
        let start = value.span().start;
        let texts: Option<Vec<&str>> = value
            .get_ref()
            .as_array()
            .and_then(|items| items.iter().map(|item| item.get_ref().as_str()).collect());
        let outcome = texts.ok_or(NOT_A_LIST).and_then(read);
        self.taken(start, section, key, outcome)
    }

    /// Names a problem that lies between settings, at the first of them.
    pub(super) fn between(&mut self, section: &str, key: &str, text: Text) {
        let start = self
            .value(section, key)
            .map_or(0, |value| value.span().start);
        self.problem(start, format!("{section}.{key}"), text);
    }

    /// Whether a setting is there, well-formed or not.
    pub(super) fn has(&self, section: &str, key: &str) -> bool {
        self.value(section, key).is_some()
    }

    /// A text as it stands there.
    pub(super) fn said(&self, section: &str, key: &str) -> Option<&str> {
        self.value(section, key)?.get_ref().as_str()
    }

    /// Every problem, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.line);
        self.problems
    }

    fn value(&self, section: &str, key: &str) -> Option<&Spanned<DeValue<'t>>> {
        self.root.get(section)?.get_ref().as_table()?.get(key)
    }

    fn taken<T>(
        &mut self,
        start: usize,
        section: &str,
        key: &str,
        outcome: Result<T, Text>,
    ) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(text) => {
                self.problem(start, format!("{section}.{key}"), text);
                None
            }
        }
    }

    fn unknown(&self, known: &Known) -> Vec<(usize, String, Text)> {
        let mut found = Vec::new();
        for (name, value) in &self.root {
            let start = name.span().start;
            let Some((_, keys)) = known.iter().find(|(section, _)| section == name.get_ref())
            else {
                found.push((start, name.get_ref().to_string(), UNKNOWN));
                continue;
            };
            let Some(section) = value.get_ref().as_table() else {
                found.push((start, name.get_ref().to_string(), NOT_A_SECTION));
                continue;
            };
            let strangers = section
                .keys()
                .filter(|key| !keys.iter().any(|known| known == key.get_ref()));
            found.extend(strangers.map(|key| {
                let path = format!("{}.{}", name.get_ref(), key.get_ref());
                (key.span().start, path, UNKNOWN)
            }));
        }
        found
    }

    fn problem(&mut self, start: usize, key: String, text: Text) {
        let before = self.text.get(..start).unwrap_or(self.text);
        let line = before.matches('\n').count().saturating_add(1);
        self.problems.push(Problem { line, key, text });
    }
}
