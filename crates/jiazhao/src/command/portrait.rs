//! `jiazhao portrait`

mod calibrate;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use licence::clock::civil_date;
use portrait::matcher::Comparison;
use portrait::{
    Asked, AssessError, Assessment, Finding, Limits, Models, Outcome, Profile, Thresholds, Verdict,
};
use serde_json::{Value, json};

use super::{Context, say};
use crate::{face_models, failure::Failure, import::read_within};

#[derive(Debug, Subcommand)]
pub(super) enum PortraitCommand {
    /// Judge a photo by the photo rules: 0 no rule is broken, 1 a rule is, 2 could not judge
    Assess(Assess),
    /// Compare the largest faces of two photos: 0 one person, 1 two, 2 an officer must look
    Compare(Compare),
    /// Thresholds and error rates on your own photos of known persons: 0 they suffice for issuing
    /// without a human, 1 they do not
    Calibrate(calibrate::Calibrate),
    /// Make the key that signs calibration records
    CalibrationKey(calibrate::CalibrationKey),
}

#[derive(Debug, Args)]
pub(super) struct Assess {
    /// The photo
    file: PathBuf,
    /// Which rules apply
    #[arg(long, value_enum, default_value_t = Rules::Submitted)]
    profile: Rules,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rules {
    /// A photo that is submitted: R56 to R74
    Submitted,
    /// The photo on file: one face in its place, legible, fit for comparison
    OnFile,
}

#[derive(Debug, Args)]
pub(super) struct Compare {
    /// A photo
    one: PathBuf,
    /// Another
    other: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

impl PortraitCommand {
    pub(super) fn run(&self, context: &Context) -> Result<u8, Failure> {
        let models = || face_models::read(&context.loaded()?.models);
        match self {
            Self::Assess(command) => command.run(context, &models()?),
            Self::Compare(command) => command.run(&models()?),
            Self::Calibrate(command) => command.run(context, &models()?),
            Self::CalibrationKey(command) => command.run(context),
        }
    }
}

impl Assess {
    fn run(&self, context: &Context, models: &Models) -> Result<u8, Failure> {
        let bytes = read(&self.file)?;
        let asked = Asked {
            profile: match self.profile {
                Rules::Submitted => Profile::Submitted,
                Rules::OnFile => Profile::OnFile,
            },
            today: civil_date(context.ambient.clock.now()),
            earlier: &[],
        };
        let (_, assessment) = portrait::assess(&bytes, &Limits::PHOTO, models, &asked)
            .map_err(|error| refused(&error, &self.file))?;
        if self.json {
            say(&shown(&assessment).to_string())?;
        } else {
            for finding in &assessment.findings {
                say(&told(finding))?;
            }
        }
        Ok(u8::from(assessment.verdict() == Verdict::Fail))
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    // One byte more than allowed is enough to refuse it as too large.
    read_within(file, Limits::PHOTO.max_bytes + 1).ok_or_else(|| {
        Failure::new(
            "file-unreadable",
            "无法读取文件或文件过大",
            "The file cannot be read or is too large",
        )
        .about(file.display())
    })
}

fn refused(error: &AssessError, file: &Path) -> Failure {
    match error {
        AssessError::Photo(error) => {
            Failure::new(error.code(), error.zh(), error.en()).about(file.display())
        }
        AssessError::Model(error) => Failure::new(
            "models-unusable",
            "人脸模型运行失败",
            "The face models cannot be used",
        )
        .about(error),
    }
}

fn shown(assessment: &Assessment) -> Value {
    let finding = |it: &Finding| {
        json!({
            "rule": it.rule.code(),
            "verdict": it.verdict.code(),
            "value": it.measured.map(|measured| measured.value),
            "measure": it.measured.map(|measured| measured.name),
            "hint": {"zh": it.hint.zh, "en": it.hint.en},
        })
    };
    let measured = assessment.measured.iter().map(|it| {
        json!({
            "measure": it.name,
            "rule": it.rule.code(),
            "value": it.value,
            "verdict": it.verdict.code(),
        })
    });
    let crop = assessment.crop.as_ref().map(|it| {
        let portrait::geometry::Area {
            corner,
            width,
            height,
        } = it.area;
        json!({"x": corner.x, "y": corner.y, "width": width, "height": height})
    });
    json!({
        "verdict": assessment.verdict().code(),
        "faces": assessment.faces,
        "findings": assessment.findings.iter().map(finding).collect::<Vec<_>>(),
        "measured": measured.collect::<Vec<_>>(),
        "crop": crop,
    })
}

fn told(finding: &Finding) -> String {
    let (rule, verdict) = (finding.rule.code(), finding.verdict.code());
    let measured = finding
        .measured
        .map_or_else(String::new, |it| format!("  ({} {:.3})", it.name, it.value));
    match finding.verdict {
        Verdict::Pass => format!("{rule}  {verdict:7}{measured}"),
        Verdict::Officer | Verdict::Fail => {
            let hint = finding.hint;
            format!("{rule}  {verdict:7}  {} {}{measured}", hint.zh, hint.en)
        }
    }
}

impl Compare {
    fn run(&self, models: &Models) -> Result<u8, Failure> {
        let (one, other) = (read(&self.one)?, read(&self.other)?);
        let compared = portrait::compare(&one, &other, &Limits::PHOTO, models, &Thresholds::START);
        // An image that cannot be used is no reason to call two persons one, or one person two.
        let (comparison, refusal) = match compared {
            Ok(comparison) => (comparison, None),
            Err(AssessError::Photo(error)) => (undecided(), Some(error)),
            Err(error @ AssessError::Model(_)) => return Err(refused(&error, &self.one)),
        };
        let reasons = reasons(&comparison, refusal);
        if self.json {
            let answer = json!({
                "outcome": comparison.outcome.code(),
                "distance": comparison.distance,
                "similarity": comparison.similarity,
                "reasons": reasons,
            });
            say(&answer.to_string())?;
        } else {
            let number = |it: Option<f32>| it.map_or_else(|| "-".into(), |it| format!("{it:.3}"));
            say(&format!(
                "{}  distance {}  similarity {}",
                comparison.outcome.code(),
                number(comparison.distance),
                number(comparison.similarity)
            ))?;
            for reason in &reasons {
                say(&format!("- {reason}"))?;
            }
        }
        Ok(match comparison.outcome {
            Outcome::Match => 0,
            Outcome::Reject => 1,
            Outcome::Officer => 2,
        })
    }
}

fn undecided() -> Comparison {
    Comparison {
        outcome: Outcome::Officer,
        distance: None,
        similarity: None,
        without_face: (false, false),
    }
}

/// Why nothing was decided, by stable codes.
fn reasons(comparison: &Comparison, refusal: Option<portrait::PhotoError>) -> Vec<&'static str> {
    let (one, other) = comparison.without_face;
    let missing = [(one, "no-face-in-first"), (other, "no-face-in-second")];
    let missing = missing.into_iter().filter(|(lacks, _)| *lacks);
    let mut reasons: Vec<_> = refusal
        .map(portrait::PhotoError::code)
        .into_iter()
        .collect();
    reasons.extend(missing.map(|(_, code)| code));
    if reasons.is_empty() && comparison.outcome == Outcome::Officer {
        reasons.push("matchers-undecided");
    }
    reasons
}
