//! The rules' words, and the limits of what is measured.

use crate::finding::{Finding, Measured, Profile, Rule, Verdict};

/// Words for an applicant or an officer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Chinese.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

const fn hint(zh: &'static str, en: &'static str) -> Hint {
    Hint { zh, en }
}

/// What is known about a rule.
pub(crate) struct About {
    pub(crate) rule: Rule,
    /// Whether it belongs to the profile of photos on file.
    pub(crate) on_file: bool,
    /// Whether what is measured suffices for "pass".
    pub(crate) by_machine: bool,
    pub(crate) hint: Hint,
}

const fn about(number: u8, by_machine: bool, zh: &'static str, en: &'static str) -> About {
    About {
        rule: Rule::known(number),
        on_file: matches!(number, 57..=59),
        by_machine,
        hint: hint(zh, en),
    }
}

pub(crate) const RULES: [About; 19] = [
    about(56, true, "背景应为白色", "the background must be white"),
    about(
        57,
        true,
        "光线应均匀、清晰",
        "light must be even and the photo sharp",
    ),
    about(
        58,
        true,
        "应为一人正面端坐、双肩平齐",
        "one person, upright, shoulders level",
    ),
    about(
        59,
        true,
        "表情自然，直视镜头",
        "natural expression, looking at the lens",
    ),
    about(60, true, "应穿深色服装", "dark clothes"),
    about(61, false, "请核查是否免冠", "to check: bareheaded"),
    about(
        62,
        false,
        "请核查头发是否遮挡面部、耳朵",
        "to check: hair covers neither face nor ears",
    ),
    about(
        63,
        false,
        "请核查头发是否蓬乱",
        "to check: hair neither messy nor fluffy",
    ),
    about(64, false, "请核查是否浓妆", "to check: no heavy make-up"),
    about(65, false, "请核查是否穿着制式服装", "to check: no uniform"),
    about(
        66,
        false,
        "请核查是否戴口罩、墨镜、帽子、围巾、饰品",
        "to check: no mask, sunglasses, hat, scarf or accessories",
    ),
    about(
        67,
        false,
        "请核查衣着是否整齐得体",
        "to check: clothes neither dishevelled nor over-revealing",
    ),
    about(
        68,
        false,
        "请核查姿势、手势是否夸张",
        "to check: no exaggerated pose or gesture",
    ),
    about(
        69,
        false,
        "请核查有无违背公序良俗的标志、文字",
        "to check: no signs or text against public morals",
    ),
    about(
        70,
        false,
        "请核查有无违反法律法规的内容",
        "to check: nothing against law, regulations or policy",
    ),
    about(
        71,
        true,
        "应为近六个月内的证件照片；照片无拍摄日期，以申请人声明为准",
        "an ID photo of the last six months; it carries no date, the applicant declares it",
    ),
    about(
        72,
        false,
        "请核查面部特征有无技术处理",
        "to check: no technical processing of facial features",
    ),
    about(
        73,
        false,
        "请核查是否为合成照片",
        "to check: no composite photo",
    ),
    about(
        74,
        false,
        "请核查是否过度修饰",
        "to check: no excessive retouching",
    ),
];

/// Limits of a measure: inside `pass` it speaks for the rule, outside `officer` against it,
/// between them an officer decides.
struct Limit {
    name: &'static str,
    rule: u8,
    pass: (f32, f32),
    officer: (f32, f32),
    /// For the photo on file, which was accepted once: wider, or not asked.
    on_file: Option<((f32, f32), (f32, f32))>,
    hint: Hint,
}

const ANY: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

const LIMITS: [Limit; 21] = [
    Limit {
        name: "background-brightness",
        rule: 56,
        pass: (205.0, 255.0),
        officer: (175.0, 255.0),
        on_file: None,
        hint: hint(
            "背景不是白色，请在白色背景前拍摄",
            "the background is not white: stand before a white wall",
        ),
    },
    Limit {
        name: "background-colour",
        rule: 56,
        pass: (0.0, 22.0),
        officer: (0.0, 35.0),
        on_file: None,
        hint: hint(
            "背景偏色，请在白色背景前拍摄",
            "the background has a colour: stand before a white wall",
        ),
    },
    Limit {
        name: "background-unevenness",
        rule: 56,
        pass: (0.0, 12.0),
        officer: (0.0, 26.0),
        on_file: None,
        hint: hint(
            "背景不均匀，有阴影或杂物",
            "the background is uneven: shadows or objects",
        ),
    },
    Limit {
        name: "light-evenness",
        rule: 57,
        pass: (0.44, 1.0),
        officer: (0.25, 1.0),
        on_file: Some(((0.25, 1.0), ANY)),
        hint: hint(
            "面部左右光线不均匀，请面向光源",
            "one side of the face is darker: face the light",
        ),
    },
    Limit {
        name: "face-brightness",
        rule: 57,
        pass: (75.0, 225.0),
        officer: (55.0, 240.0),
        on_file: Some(((55.0, 240.0), (35.0, 250.0))),
        hint: hint("面部过暗或过亮", "the face is too dark or too bright"),
    },
    Limit {
        name: "overexposed",
        rule: 57,
        pass: (0.0, 0.08),
        officer: (0.0, 0.25),
        on_file: Some(((0.0, 0.2), ANY)),
        hint: hint("面部过度曝光", "parts of the face are overexposed"),
    },
    Limit {
        name: "contrast",
        rule: 57,
        pass: (5.2, 8.0),
        officer: (4.2, 8.0),
        on_file: Some(((4.2, 8.0), ANY)),
        hint: hint("面部层次不足", "the face has too few shades"),
    },
    Limit {
        name: "sharpness",
        rule: 57,
        pass: (2.6, f32::INFINITY),
        officer: (1.6, f32::INFINITY),
        on_file: Some(((1.6, f32::INFINITY), (0.7, f32::INFINITY))),
        hint: hint(
            "照片模糊，请保持手机稳定并对焦面部",
            "the photo is blurred: hold still and focus on the face",
        ),
    },
    Limit {
        name: "faces",
        rule: 58,
        pass: (1.0, 1.0),
        officer: (1.0, 1.0),
        on_file: Some(((1.0, 1.0), (1.0, 1.0))),
        hint: hint("照片中应有且仅有一人", "there must be exactly one person"),
    },
    Limit {
        name: "face-width",
        rule: 58,
        pass: (120.0, f32::INFINITY),
        officer: (90.0, f32::INFINITY),
        on_file: Some(((80.0, f32::INFINITY), (60.0, f32::INFINITY))),
        hint: hint("面部太小，请靠近镜头", "the face is too small: come closer"),
    },
    Limit {
        name: "inside",
        rule: 58,
        pass: (0.985, 1.0),
        officer: (0.94, 1.0),
        on_file: Some(((0.9, 1.0), (0.75, 1.0))),
        hint: hint(
            "人像位置不合适，头顶和两肩应完整入镜",
            "the frame is wrong: head and both shoulders must be in it",
        ),
    },
    Limit {
        name: "roll",
        rule: 58,
        pass: (-6.0, 6.0),
        officer: (-9.0, 9.0),
        on_file: Some(((-10.0, 10.0), (-25.0, 25.0))),
        hint: hint("头部歪斜，请摆正", "the head is tilted: hold it straight"),
    },
    Limit {
        name: "shoulders",
        rule: 58,
        pass: (-7.0, 7.0),
        officer: ANY,
        on_file: None,
        hint: hint("双肩可能不平", "the shoulders may not be level"),
    },
    Limit {
        name: "yaw",
        rule: 59,
        pass: (-10.0, 10.0),
        officer: (-15.0, 15.0),
        on_file: Some(((-18.0, 18.0), (-30.0, 30.0))),
        hint: hint("请正对镜头，不要侧脸", "turn your face to the lens"),
    },
    Limit {
        name: "pitch",
        rule: 59,
        pass: (-10.0, 10.0),
        officer: (-24.0, 24.0),
        on_file: Some(((-20.0, 20.0), ANY)),
        hint: hint("请勿抬头或低头", "do not look up or down"),
    },
    Limit {
        name: "gaze",
        rule: 59,
        pass: (-0.125, 0.125),
        officer: ANY,
        on_file: None,
        hint: hint("可能未直视镜头", "the eyes may not look at the lens"),
    },
    Limit {
        name: "mouth",
        rule: 59,
        pass: (0.0, 0.125),
        officer: (0.0, 0.3),
        on_file: None,
        hint: hint(
            "请闭嘴，表情自然",
            "close your mouth, keep a natural expression",
        ),
    },
    Limit {
        name: "clothes-brightness",
        rule: 60,
        pass: (0.0, 115.0),
        officer: (0.0, 175.0),
        on_file: None,
        hint: hint("请穿深色服装", "wear dark clothes"),
    },
    Limit {
        name: "eyes",
        rule: 68,
        pass: (0.2, 1.0),
        officer: (0.12, 1.0),
        on_file: None,
        hint: hint("请睁开双眼", "open both eyes"),
    },
    Limit {
        name: "age-in-days",
        rule: 71,
        pass: (0.0, 183.0),
        officer: (0.0, 183.0),
        on_file: None,
        hint: hint(
            "照片不是近六个月内拍摄",
            "the photo was not taken within the last six months",
        ),
    },
    Limit {
        name: "difference-from-earlier",
        rule: 71,
        pass: (20.0, f32::INFINITY),
        officer: (10.0, f32::INFINITY),
        on_file: None,
        hint: hint(
            "与以前的照片相同，请提供新照片",
            "the same as an earlier photo: a new one is needed",
        ),
    },
];

/// What follows from a number, if the profile asks for it. What is no number passes nothing.
pub(crate) fn judge(profile: Profile, name: &str, value: f32) -> Option<Measured> {
    let limit = LIMITS.iter().find(|it| it.name == name)?;
    let (pass, officer) = match profile {
        Profile::Submitted => (limit.pass, limit.officer),
        Profile::OnFile => limit.on_file?,
    };
    let within = |(low, high): (f32, f32)| value >= low && value <= high;
    let verdict = if within(pass) {
        Verdict::Pass
    } else if within(officer) {
        Verdict::Officer
    } else {
        Verdict::Fail
    };
    Some(Measured {
        name: limit.name,
        rule: Rule::known(limit.rule),
        value,
        verdict,
        hint: limit.hint,
    })
}

/// Without a date in the photo R71 rests on the applicant's declaration, which an officer sees.
pub(crate) fn without_date(findings: &mut [Finding], lacks: bool) {
    let dated = findings.iter_mut().find(|it| it.rule.number() == 71);
    if let Some(finding) = dated.filter(|it| lacks && it.verdict == Verdict::Pass) {
        finding.verdict = Verdict::Officer;
        finding.hint = RULES
            .iter()
            .find(|it| it.rule == finding.rule)
            .map_or(finding.hint, |it| it.hint);
    }
}

/// A program that changes pictures left its name: what is retouched is an officer's to judge.
pub(crate) fn edited(findings: &mut [Finding]) {
    let retouching = findings
        .iter_mut()
        .filter(|it| (72..=74).contains(&it.rule.number()));
    for finding in retouching {
        finding.hint = hint(
            "照片经图像处理软件保存，请重点核查",
            "saved by a program that changes pictures: look closely",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r56_to_r74_each_have_their_words_and_the_limits_their_order() {
        let numbers: Vec<u8> = RULES.iter().map(|it| it.rule.number()).collect();
        assert_eq!(numbers, (56..=74).collect::<Vec<u8>>());
        for limit in &LIMITS {
            let on_file = limit.on_file.into_iter();
            for (pass, officer) in on_file.chain([(limit.pass, limit.officer)]) {
                assert!(officer.0 <= pass.0 && pass.0 <= pass.1 && pass.1 <= officer.1);
            }
            assert!(limit.on_file.is_none() || matches!(limit.rule, 57..=59));
        }
    }

    #[test]
    fn between_the_limits_an_officer_decides() {
        let verdict = |value| judge(Profile::Submitted, "roll", value).unwrap().verdict;
        assert_eq!(verdict(-6.0), Verdict::Pass);
        assert_eq!(verdict(7.0), Verdict::Officer);
        assert_eq!(verdict(-9.5), Verdict::Fail);
        assert_eq!(verdict(f32::NAN), Verdict::Fail);
        assert!(judge(Profile::OnFile, "eyes", 0.0).is_none());
    }
}
