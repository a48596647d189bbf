//! What is found about a photo, rule by rule.

use crate::rules::{Hint, RULES};

/// A photo rule by its number in the requirements, 56 to 74.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule(u8);

impl Rule {
    /// A rule by its number.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 56 && number <= 74 {
            Some(Self(number))
        } else {
            None
        }
    }

    pub(crate) const fn known(number: u8) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// As it is written: `R56`.
    #[must_use]
    pub fn code(self) -> String {
        format!("R{}", self.0)
    }
}

/// Which rules apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// A photo that an applicant submits: all rules.
    Submitted,
    /// The photo on file (已留存的照片): one face in its place, legible, fit for comparison.
    /// It was accepted once; R71 does not apply.
    OnFile,
}

impl Profile {
    /// The rules of the profile, in order.
    pub fn rules(self) -> impl Iterator<Item = Rule> {
        let rules = RULES
            .iter()
            .filter(move |it| self == Self::Submitted || it.on_file);
        rules.map(|it| it.rule)
    }
}

/// What is concluded from a measure or for a rule. The gravest has the last word, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing speaks against it.
    Pass,
    /// A machine cannot say; an officer must look.
    Officer,
    /// The rule is broken.
    Fail,
}

impl Verdict {
    /// Stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Officer => "officer",
            Self::Fail => "fail",
        }
    }
}

/// One number that was measured, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// What was measured; docs/photo-rules.md gives formula and unit.
    pub name: &'static str,
    /// The rule that it speaks to.
    pub rule: Rule,
    /// In the measure's own unit.
    pub value: f32,
    /// By the limits of the profile.
    pub verdict: Verdict,
    /// What to do about it.
    pub hint: Hint,
}

/// What follows for one rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The gravest of its measures; `officer` where a machine cannot judge.
    pub verdict: Verdict,
    /// The measure that decided, where one did.
    pub measured: Option<Measured>,
    /// To the applicant where it fails, to the officer where it is theirs to judge.
    pub hint: Hint,
}

/// One finding for each rule of the profile. Where there is no face to judge, what cannot be
/// judged is an officer's.
pub(crate) fn by_rule(profile: Profile, measured: &[Measured]) -> Vec<Finding> {
    let rules = RULES
        .iter()
        .filter(|it| profile == Profile::Submitted || it.on_file);
    let finding = |about: &crate::rules::About| {
        let gravest = measured
            .iter()
            .filter(|it| it.rule == about.rule)
            .reduce(|one, other| {
                if other.verdict > one.verdict {
                    other
                } else {
                    one
                }
            });
        let measured_verdict = gravest.map_or(Verdict::Officer, |it| it.verdict);
        // Some rules are seen by people only, whatever a machine measures.
        let verdict = if about.by_machine || profile == Profile::OnFile {
            measured_verdict
        } else {
            measured_verdict.max(Verdict::Officer)
        };
        let decided = gravest.filter(|it| it.verdict == verdict);
        Finding {
            rule: about.rule,
            verdict,
            measured: decided.or(gravest).copied(),
            hint: decided.map_or(about.hint, |it| it.hint),
        }
    };
    rules.map(finding).collect()
}
