//! `[activation]`

use authority::{ActivationChecks, Calibration};
use licence::{Text, person_check::Method};

use super::{Config, Source};

/// How a device is activated besides by codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// By which person checks (实人认证); by none unless they are named.
    pub person_check: Vec<Method>,
}

pub(super) const ACTIVATION: &[&str] = &["person_check"];

const METHODS: Text = Text {
    zh: "应为不重复的 identity-service、frames",
    en: "this must name identity-service or frames or both, each once",
};
const WITHOUT_SERVICE: Text = Text {
    zh: "以身份认证服务激活须先配置 identity.url",
    en: "activation by the identity service needs identity.url",
};
const WITHOUT_CALIBRATION: Text = Text {
    zh: "以人脸画面激活须先配置 models.calibration：无法说明误认率",
    en: "activation by frames needs models.calibration: without it nobody can say how often it is wrong",
};

pub(super) fn activation(
    source: &mut Source<'_>,
    (calibrated, serviced): (bool, bool),
) -> Activation {
    let methods = source.list("activation", "person_check", |names| {
        let methods: Option<Vec<Method>> = names.iter().map(|name| Method::parse(name)).collect();
        let once = |methods: &Vec<Method>| {
            let frames = methods.iter().filter(|method| **method == Method::Frames);
            let frames = frames.count();
            frames <= 1 && methods.len().saturating_sub(frames) <= 1
        };
        methods.filter(once).ok_or(METHODS)
    });
    let person_check = methods.unwrap_or_default();
    if person_check.contains(&Method::IdentityService) && !serviced {
        source.between("activation", "person_check", WITHOUT_SERVICE);
    }
    if person_check.contains(&Method::Frames) && !calibrated {
        source.between("activation", "person_check", WITHOUT_CALIBRATION);
    }
    Activation { person_check }
}

impl Config {
    /// By which person checks a device is activated: those that are named, frames only where a calibration
    /// record holds, as automatic issue asks for one.
    #[must_use]
    pub fn activation_checks(&self, calibration: Option<&Calibration>) -> ActivationChecks {
        let named = |method| self.activation.person_check.contains(&method);
        ActivationChecks {
            frames: named(Method::Frames) && calibration.is_some(),
            identity_service: named(Method::IdentityService) && self.identity.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const SERVICE: &str = "[identity]\nurl = \"https://id.example/\"\ntoken_file = \"t\"\n";
    const RECORD: &str = "[models]\ncalibration = \"r\"\ncalibration_key = \"k\"\n";

    fn parse(methods: &str, others: &[&str]) -> Result<Config, Vec<String>> {
        let others = others.concat();
        let text = format!("{others}[activation]\nperson_check = [{methods}]\n");
        Config::parse(&text, None, Path::new("data")).map_err(|error| {
            let problems = error.problems.into_iter();
            problems.map(|problem| problem.key).collect()
        })
    }

    #[test]
    fn a_person_check_activates_only_what_there_is_to_rest_on() {
        let none = Config::parse("", None, Path::new("data")).unwrap();
        let calibration = Calibration {
            sha256: "00".to_owned(),
            fmr: 0.0001,
            fmr_bound: 0.001,
        };
        let off = ActivationChecks::default();
        assert_eq!(none.activation_checks(Some(&calibration)), off);
        let both = "\"identity-service\", \"frames\"";
        let config = parse(both, &[SERVICE, RECORD]).unwrap();
        let shown = config.to_string();
        let line = "activation.person_check = identity-service frames";
        assert!(shown.lines().any(|found| found == line), "{shown}");
        // The record may not hold, or there may be no models.
        let service = ActivationChecks {
            identity_service: true,
            ..off
        };
        assert_eq!(config.activation_checks(None), service);
        let both = ActivationChecks {
            frames: true,
            identity_service: true,
        };
        assert_eq!(config.activation_checks(Some(&calibration)), both);
    }

    #[test]
    fn what_there_is_nothing_to_rest_on_for_is_a_problem() {
        for (methods, others) in [
            ("\"frames\"", [SERVICE].as_slice()),
            ("\"identity-service\"", &[RECORD]),
            ("\"frames\", \"frames\"", &[RECORD]),
            ("\"passport\"", &[SERVICE, RECORD]),
            ("1", &[]),
        ] {
            let problems = parse(methods, others).unwrap_err();
            assert_eq!(problems, ["activation.person_check"], "{methods}");
        }
    }
}
