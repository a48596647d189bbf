//! The groups but `portrait`, which is `benches/portrait`, and the names that nothing can be measured for yet.

use crate::{
    codes, crypto,
    figure::{Failed, absent},
    registry, verify,
};

/// A group of figures.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Group {
    Registry,
    Verify,
    Crypto,
    Codes,
    Web,
}

/// How long a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Within 45 s, besides `registry`.
    Quick,
    /// Longer rounds, more records.
    Full,
}

impl Group {
    pub(crate) const ALL: [Self; 5] = [
        Self::Registry,
        Self::Verify,
        Self::Crypto,
        Self::Codes,
        Self::Web,
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Verify => "verify",
            Self::Crypto => "crypto",
            Self::Codes => "codes",
            Self::Web => "web",
        }
    }

    pub(crate) async fn run(self, extent: Extent) -> Result<(), Failed> {
        let (names, reason): (&[&str], _) = match self {
            Self::Registry => return registry::run(extent).await,
            Self::Verify => return verify::run(extent).await,
            Self::Crypto => return crypto::run(extent),
            Self::Codes => return codes::run(extent),
            Self::Web => (
                &[
                    "web-holder-first-load",
                    "web-licence-warm",
                    "web-licence-cold",
                    "web-guidance",
                ],
                "not measured yet",
            ),
        };
        names.iter().try_for_each(|name| absent(name, reason))
    }
}
