//! What an applicant reads, agrees to and declares. Whoever changes one of these texts in its meaning
//! gives it a new version: it is then read, agreed to or declared anew.

use licence::Text;

/// Version of the photo rules and the notices beside them.
pub(super) const RULES_VERSION: &str = "2021-09";

/// 拍摄须知 (R44).
pub(super) const NOTICES: [Text; 5] = [
    Text {
        zh: "请在白色背景、光线均匀的环境中拍摄",
        en: "Take the photo before a white background, in even light",
    },
    Text {
        zh: "请着深色服装，免冠，头发不遮挡面部和耳朵",
        en: "Wear dark clothes and no hat; hair covers neither face nor ears",
    },
    Text {
        zh: "请由他人拍摄，不使用自拍、美颜或滤镜",
        en: "Let another person take it: no selfie, no beautifying, no filter",
    },
    Text {
        zh: "请端坐平视镜头，表情自然，头部和双肩完整入镜",
        en: "Sit upright and look at the lens with a natural expression, head and both shoulders in the frame",
    },
    Text {
        zh: "照片由公安交管部门审核，使用虚假、违法照片将依规处理 (R75)",
        en: "The traffic police review the photo; forged or illegal ones have consequences (R75)",
    },
];

const fn text(zh: &'static str, en: &'static str) -> Text {
    Text { zh, en }
}

/// The photo rules (照片要求, R56-R74), and whether a machine judges them: an officer looks at the
/// others.
pub(super) const RULES: [(&str, bool, Text); 19] = [
    ("R56", true, text("背景为白色", "White background")),
    ("R57", true, text("环境光线均匀", "Even ambient light")),
    (
        "R58",
        true,
        text("坐姿端正，双肩平齐", "Upright posture, level shoulders"),
    ),
    (
        "R59",
        true,
        text(
            "表情自然，直视镜头",
            "Natural expression, looking straight at the lens",
        ),
    ),
    ("R60", true, text("着深色服装", "Dark clothes")),
    ("R61", false, text("免冠", "Bareheaded")),
    (
        "R62",
        false,
        text("头发不遮挡面部和耳朵", "Hair covers neither face nor ears"),
    ),
    (
        "R63",
        false,
        text("头发不凌乱、不蓬松", "Hair neither messy nor fluffy"),
    ),
    ("R64", false, text("不化浓妆", "No heavy make-up")),
    ("R65", false, text("不着制式服装", "No uniform")),
    (
        "R66",
        false,
        text(
            "不戴口罩、墨镜、帽子、围巾和饰品",
            "No mask, sunglasses, hat, scarf or accessories",
        ),
    ),
    (
        "R67",
        false,
        text(
            "衣着整齐，不过于暴露",
            "No dishevelled or over-revealing clothes",
        ),
    ),
    (
        "R68",
        false,
        text(
            "不做夸张姿势、手势，不闭眼",
            "No exaggerated pose, hand gesture or closed eyes",
        ),
    ),
    (
        "R69",
        false,
        text(
            "无违背公序良俗的标志、数字、字母或文字",
            "No signs, digits, letters or text against public morals",
        ),
    ),
    (
        "R70",
        false,
        text(
            "无违反法律、法规和政策的内容",
            "No content that breaks law, regulations or policy",
        ),
    ),
    (
        "R71",
        true,
        text(
            "近六个月内拍摄的证件照片",
            "An ID photo taken within the last six months",
        ),
    ),
    (
        "R72",
        false,
        text(
            "面部特征未经技术处理",
            "No technical processing of facial features",
        ),
    ),
    ("R73", false, text("不是合成照片", "No composite photo")),
    ("R74", false, text("未过度修饰", "No excessive retouching")),
];

/// What is declared about a photo that carries no date (R71).
pub(super) const DECLARATION_VERSION: &str = "2021-09";
pub(super) const DECLARATION: Text = Text {
    zh: "本人声明：所提交的照片为本人近六个月内拍摄的证件照片。",
    en: "I declare that this is an ID photo of myself, taken within the last six months.",
};

/// What is agreed to before a face is compared (单独同意).
pub(super) const CONSENT_VERSION: &str = "2021-09";
pub(super) const CONSENT: Text = Text {
    zh: "为核验您是驾驶证登记的本人，系统将采集您的人脸画面，与留存照片或您提交的照片比对。画面仅用于本次核验，得出结论后立即删除，不作他用；系统只保存结论、原因和加密的比对数值。您可以不同意，并到车辆管理所窗口办理；同意后也可随时撤回。",
    en: "To check that you are the person of the licence, the system takes pictures of your face and compares them with the photo on file or the one that you submit. They serve this check alone and are gone once it is decided; only the outcome, its reasons and the encrypted numbers of the comparison are kept. You may decline and apply at a counter instead, and withdraw your consent at any time.",
};

/// What is agreed to before a face is compared to activate a device (单独同意): for that one check.
pub(crate) const ACTIVATION_CONSENT_VERSION: &str = "2026-11";
pub(crate) const ACTIVATION_CONSENT: Text = Text {
    zh: "为确认您是驾驶证登记的本人并在本设备上激活账号，系统将采集您的人脸画面，与留存照片比对；以身份认证服务核验的，由该服务采集，并向其提供您填写的姓名和证号以及登记的出生日期。画面仅用于本次核验，得出结论后立即删除，不作他用；系统只保存结论和原因，不保存比对数值。您可以不同意，改用短信验证码激活，或到车辆管理所窗口领取激活码。",
    en: "To make sure that you are the person of the licence, and to activate the account on this device, the system takes pictures of your face and compares them with the photo on file; where an identity service does so, it takes them, and is given the name and number that you enter and the registered birth date. They serve this one check alone and are gone once it is decided; only the outcome and its reasons are kept, no numbers of the comparison. You may decline and activate by a code to your phone, or by one from a counter.",
};
