//! Why something was refused, in the form that screens, problem documents and scripts share.

use serde::Serialize;

/// One reason: a code that stays stable for scripts, and the text for people.
///
/// No reason speaks of a revoked licence (吊销) unless a licence was revoked: a credential that
/// cannot be checked, or that somebody altered, says nothing about its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Reason {
    /// Stable code, lower case with hyphens.
    pub code: &'static str,
    /// Chinese text, shown first.
    pub zh: &'static str,
    /// English text.
    pub en: &'static str,
}

impl Reason {
    pub(crate) const fn new(code: &'static str, zh: &'static str, en: &'static str) -> Self {
        Self { code, zh, en }
    }
}
