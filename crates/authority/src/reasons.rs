//! Why an officer rejects a photo: by rule (R56-R74), in plain words, each with what to do about it.

use serde::{Deserialize, Serialize};

use crate::{Error, views::ReasonView};

/// A reason that an officer can name.
struct Named {
    /// The photo rule, or `identity`.
    code: &'static str,
    zh: &'static str,
    en: &'static str,
    do_zh: &'static str,
    do_en: &'static str,
}

const fn named(
    code: &'static str,
    [zh, en]: [&'static str; 2],
    [do_zh, do_en]: [&'static str; 2],
) -> Named {
    Named {
        code,
        zh,
        en,
        do_zh,
        do_en,
    }
}

/// The one reason that is no photo rule.
const IDENTITY: &str = "identity";

const NAMED: [Named; 20] = [
    named(
        "R56",
        ["背景不是白色", "The background is not white"],
        [
            "请在纯白色墙面或背景布前重新拍照",
            "Take the photo again in front of a plain white wall or cloth",
        ],
    ),
    named(
        "R57",
        ["光线不均匀", "The light is uneven"],
        [
            "请面向窗户或柔和光源重新拍照，脸上和背景上不要有阴影",
            "Take it again facing a window or soft light, without shadows on face or background",
        ],
    ),
    named(
        "R58",
        [
            "坐姿不端正或双肩不平",
            "The posture is not upright or the shoulders not level",
        ],
        [
            "请坐直、双肩放平，由他人在正前方拍摄",
            "Sit upright with level shoulders and let somebody take it from straight ahead",
        ],
    ),
    named(
        "R59",
        [
            "表情不自然或未正视镜头",
            "The expression is unnatural or the gaze not at the lens",
        ],
        [
            "请自然闭嘴、双眼直视镜头重新拍照",
            "Take it again with the mouth closed and both eyes on the lens",
        ],
    ),
    named(
        "R60",
        ["未着深色服装", "The clothes are not dark"],
        [
            "请换深色上衣重新拍照",
            "Put on a dark top and take it again",
        ],
    ),
    named(
        "R61",
        ["未免冠", "The head is covered"],
        [
            "请摘下帽子等头部遮盖物重新拍照",
            "Take off what covers the head and take it again",
        ],
    ),
    named(
        "R62",
        ["头发遮挡面部或耳朵", "Hair covers face or ears"],
        [
            "请将头发别到耳后，露出整张脸和双耳",
            "Put the hair behind the ears so that the whole face and both ears show",
        ],
    ),
    named(
        "R63",
        ["头发凌乱或蓬松", "The hair is messy or fluffy"],
        ["请梳理整齐后重新拍照", "Comb the hair and take it again"],
    ),
    named(
        "R64",
        ["妆容过浓", "The make-up is heavy"],
        [
            "请卸妆或只着淡妆后重新拍照",
            "Take it again without make-up, or with little",
        ],
    ),
    named(
        "R65",
        ["穿着制式服装", "A uniform is worn"],
        [
            "请换便装重新拍照",
            "Change into plain clothes and take it again",
        ],
    ),
    named(
        "R66",
        [
            "佩戴口罩、墨镜、帽子、围巾或饰品",
            "A mask, sunglasses, hat, scarf or accessory is worn",
        ],
        [
            "请取下后重新拍照；因视力需要的眼镜不得反光或遮挡眼睛",
            "Take them off and take it again; glasses that are needed must neither reflect nor hide the eyes",
        ],
    ),
    named(
        "R67",
        [
            "衣冠不整或过于暴露",
            "The clothes are dishevelled or over-revealing",
        ],
        ["请穿着整齐后重新拍照", "Dress neatly and take it again"],
    ),
    named(
        "R68",
        [
            "姿势夸张、有手势或闭眼",
            "The pose is exaggerated, a hand gesture shows, or the eyes are closed",
        ],
        [
            "请双手放下、睁开双眼、自然端坐重新拍照",
            "Take it again with the hands down, the eyes open and a natural pose",
        ],
    ),
    named(
        "R69",
        [
            "含有违背公序良俗的标志或文字",
            "Signs or text against public morals",
        ],
        [
            "请换没有标志和文字的衣服和背景重新拍照",
            "Take it again with clothes and a background that have no signs or text",
        ],
    ),
    named(
        "R70",
        ["含有违反法律法规的内容", "Content that breaks the law"],
        [
            "请换一张只有本人、不含其他内容的照片",
            "Use a photo that shows yourself and nothing else",
        ],
    ),
    named(
        "R71",
        ["不是 6 个月内的近照", "The photo is older than 6 months"],
        [
            "请使用近 6 个月内拍摄的照片",
            "Use a photo of the last 6 months",
        ],
    ),
    named(
        "R72",
        ["面部特征经过技术处理", "Facial features were processed"],
        [
            "请使用未经美颜等处理的原始照片",
            "Use the original photo, with no beauty filter or other processing",
        ],
    ),
    named(
        "R73",
        ["照片为合成", "The photo is a composite"],
        [
            "请使用一次拍摄完成的照片",
            "Use a photo that was taken in one shot",
        ],
    ),
    named(
        "R74",
        ["修图过度", "The photo is retouched too much"],
        ["请使用未修图的照片", "Use a photo that was not retouched"],
    ),
    named(
        IDENTITY,
        ["身份未能确认", "Identity was not established"],
        [
            "请本人携带身份证件到发证地车辆管理所窗口办理",
            "Go to a counter of the issuing vehicle administration office with an identity document",
        ],
    ),
];

/// A reviewer's reason: a photo rule that was not met (`R56` to `R74`), or `identity`.
pub(crate) fn reviewers_reason(code: &str) -> Option<ReasonView> {
    let named = NAMED.iter().find(|named| named.code == code)?;
    Some(ReasonView {
        code: code.to_owned(),
        rule: (code != IDENTITY).then(|| code.to_owned()),
        field: None,
        zh: named.zh.to_owned(),
        en: named.en.to_owned(),
        clears_zh: Some(named.do_zh.to_owned()),
        clears_en: Some(named.do_en.to_owned()),
    })
}

/// Whether an officer gave them all: the registry's and a sanction's have codes of their own.
pub(crate) fn are_a_reviewers(reasons: &[ReasonView]) -> bool {
    let known = |reason: &ReasonView| NAMED.iter().any(|named| named.code == reason.code);
    !reasons.is_empty() && reasons.iter().all(known)
}

/// The same of reasons as stored.
pub(crate) fn is_of_a_reviewer(json: &str) -> bool {
    are_a_reviewers(&stored_reasons(json))
}

/// Reasons of a rejection as stored: as they were told, whatever the catalogue says later.
#[derive(Serialize, Deserialize)]
struct StoredReasons {
    v: u8,
    reasons: Vec<ReasonView>,
}

pub(crate) fn store_reasons(reasons: Vec<ReasonView>) -> Result<String, Error> {
    serde_json::to_string(&StoredReasons { v: 1, reasons })
        .map_err(|_not_json| Error::Internal("reasons cannot be written"))
}

pub(crate) fn stored_reasons(json: &str) -> Vec<ReasonView> {
    serde_json::from_str(json)
        .map(|stored: StoredReasons| stored.reasons)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn r42_every_photo_rule_has_its_words_and_what_to_do() {
        let codes: BTreeSet<&str> = NAMED.iter().map(|named| named.code).collect();
        assert_eq!(codes.len(), NAMED.len());
        for rule in 56..=74 {
            let code = format!("R{rule}");
            let reason = reviewers_reason(&code).unwrap();
            assert_eq!(reason.rule, Some(code.clone()));
            for text in [Some(reason.zh), reason.clears_zh] {
                assert!(
                    text.unwrap().chars().any(|c| u32::from(c) > 0x3000),
                    "{code}"
                );
            }
            for text in [Some(reason.en), reason.clears_en] {
                assert!(
                    text.is_some_and(|it| it.is_ascii() && !it.is_empty()),
                    "{code}"
                );
            }
        }
        for other in ["R55", "R75", "r56", "", "withheld"] {
            assert_eq!(reviewers_reason(other), None, "{other}");
        }
    }

    #[test]
    fn what_the_registry_says_is_no_reviewers_reason() {
        let photo = reviewers_reason("R56").unwrap();
        let withheld = ReasonView {
            code: "withheld".to_owned(),
            ..photo.clone()
        };
        assert!(are_a_reviewers(std::slice::from_ref(&photo)));
        assert!(!are_a_reviewers(&[photo, withheld]));
        assert!(!are_a_reviewers(&[]));
    }
}
