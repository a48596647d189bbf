//! What machines watch, besides requests: numbers without persons.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::Authority;

/// A number under its name, as Prometheus reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// Whether it only grows.
    pub counter: bool,
    /// A label and its value, where there is one, and the number.
    pub samples: Vec<(Option<Label>, u64)>,
}

/// What tells the numbers of one name apart. It never says anything of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: Cow<'static, str>,
}

impl Measure {
    pub(crate) fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self {
            name,
            help,
            counter: false,
            samples: vec![(None, value)],
        }
    }

    pub(crate) fn counter<const N: usize>(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        samples: [(&'static str, u64); N],
    ) -> Self {
        Self {
            name,
            help,
            counter: true,
            samples: samples
                .map(|(of, number)| {
                    let value = Cow::Borrowed(of);
                    (Some(Label { name: label, value }), number)
                })
                .to_vec(),
        }
    }

    /// One number for each of what `label` tells apart.
    pub(crate) fn gauges(
        name: &'static str,
        help: &'static str,
        label: &'static str,
        samples: impl Iterator<Item = (String, u64)>,
    ) -> Self {
        Self {
            name,
            help,
            counter: false,
            samples: samples
                .map(|(of, number)| {
                    let value = Cow::Owned(of);
                    (Some(Label { name: label, value }), number)
                })
                .collect(),
        }
    }
}

impl Authority {
    /// What machines watch; what cannot be read now is left out.
    pub async fn measures(&self, now: Timestamp) -> Vec<Measure> {
        let mut measures = self.text_measures(now).await.unwrap_or_default();
        measures.extend(self.witness_measures());
        measures.extend(self.status_measures(now).await.unwrap_or_default());
        measures.extend(self.trust_measures(now));
        measures.extend(self.review_measures(now).await.unwrap_or_default());
        measures.extend(self.peak_measures());
        measures
    }
}
