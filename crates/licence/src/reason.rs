//! Why something is not possible now: a stable code, the rule behind it, a text in both
//! languages, and what clears it.

use jiff::civil::Date;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::message::{Message, Text};

/// One blocking reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The stable code, e.g. `medical-overdue`.
    pub code: &'static str,
    /// The requirement behind it, e.g. `R27`.
    pub rule: &'static str,
    /// What is the case.
    pub text: Message,
    /// What clears it.
    pub clears: Message,
    /// The date it turns on, where there is one: the last good day, or the day from which it is
    /// possible.
    pub date: Option<Date>,
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Reason", 7)?;
        fields.serialize_field("code", self.code)?;
        fields.serialize_field("rule", self.rule)?;
        fields.serialize_field("zh", &self.text.zh)?;
        fields.serialize_field("en", &self.text.en)?;
        fields.serialize_field("clears_zh", &self.clears.zh)?;
        fields.serialize_field("clears_en", &self.clears.en)?;
        fields.serialize_field("date", &self.date)?;
        fields.end()
    }
}

/// An entry of the catalogue, from which reasons are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// The stable code.
    pub code: &'static str,
    /// The requirement behind it.
    pub rule: &'static str,
    /// What is the case; `{date}` stands for the reason's date.
    pub text: Text,
    /// What clears it; `{date}` likewise.
    pub clears: Text,
}

impl Cause {
    /// The reason without a date.
    #[must_use]
    pub fn reason(&self) -> Reason {
        Reason {
            code: self.code,
            rule: self.rule,
            text: self.text.into(),
            clears: self.clears.into(),
            date: None,
        }
    }

    /// The reason with its date, written out in the texts that name it.
    #[must_use]
    pub fn on(&self, date: Date) -> Reason {
        Reason {
            code: self.code,
            rule: self.rule,
            text: Message::dated(self.text, date),
            clears: Message::dated(self.clears, date),
            date: Some(date),
        }
    }
}

const RENEW: Text = Text {
    zh: "办理期满换证后即可",
    en: "Cleared by renewing the licence",
};
const CONTACT: Text = Text {
    zh: "请联系发证机关",
    en: "Contact the issuing authority",
};
const MEDICAL: Text = Text {
    zh: "提交身体条件证明后即可",
    en: "Cleared by submitting the medical certificate",
};
const REVIEW: Text = Text {
    zh: "办理驾驶证审验后即可",
    en: "Cleared by passing the licence review",
};
const RECORD: Text = Text {
    zh: "请联系发证机关核对登记信息",
    en: "Ask the issuing authority to check the registered data",
};

macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $rule:literal, $zh:literal, $en:literal, $clears:expr;)+) => {
        $($(#[$doc])* pub const $name: Cause = Cause {
            code: $code,
            rule: $rule,
            text: Text { zh: $zh, en: $en },
            clears: $clears,
        };)+

        /// Every entry, for documents and tests.
        pub const CATALOGUE: &[Cause] = &[$($name,)+];
    };
}

catalogue! {
    /// Letter M, the registry giving no date.
    EXPIRED = "expired", "R24", "驾驶证逾期未换证", "The licence is overdue for renewal", RENEW;
    /// Up to one year past the last day of validity.
    EXPIRED_ON = "expired", "R24", "驾驶证有效期已于 {date} 届满，逾期未换证",
        "The validity of the licence ended on {date} and it was not renewed", RENEW;
    /// One to three years past it.
    EXPIRED_RECOVERABLE = "expired", "R24", "驾驶证有效期已于 {date} 届满，超过一年未换证，注销可恢复",
        "The validity of the licence ended on {date}, more than a year ago; it is cancelled and can be restored",
        Text { zh: "请到发证机关恢复驾驶资格", en: "Have the licence restored by the issuing authority" };
    /// More than three years past it.
    EXPIRED_CANCELLED = "expired", "R24", "驾驶证有效期已于 {date} 届满，超过三年未换证，已注销",
        "The validity of the licence ended on {date}, more than three years ago; it is cancelled",
        Text { zh: "请联系发证机关，须重新申请驾驶证", en: "Contact the issuing authority; a new driving licence must be applied for" };
    /// Before the first day of validity.
    NOT_YET_VALID = "not-yet-valid", "R24", "驾驶证有效期自 {date} 起算", "The validity of the licence begins on {date}",
        Text { zh: "自 {date} 起即可", en: "Possible from {date}" };
    /// Letter N past its term.
    RENEWAL_DELAY_ENDED = "renewal-delay-ended", "R24", "延期换证已于 {date} 到期", "The extension for renewal ended on {date}", RENEW;
    /// Letter U or the flag `withheld`.
    WITHHELD = "withheld", "R25", "驾驶证被扣留", "The licence is withheld",
        Text { zh: "处理完毕并发还驾驶证后即可", en: "Cleared when the case is closed and the licence returned" };
    /// Letter D.
    SUSPENDED = "suspended", "R26", "驾驶证被暂扣", "The licence is suspended",
        Text { zh: "暂扣期满并发还驾驶证后即可", en: "Cleared when the suspension ends and the licence is returned" };
    /// Past `medical_due`: it has no letter of its own.
    MEDICAL_OVERDUE = "medical-overdue", "R27", "逾期未提交身体条件证明（应于 {date} 前提交）",
        "The medical check is overdue (due by {date})", MEDICAL;
    /// Letter P past its term.
    MEDICAL_DELAY_ENDED = "medical-delay-ended", "R27", "延期体检已于 {date} 到期", "The extension for the medical check ended on {date}", MEDICAL;
    /// Letter S, the registry giving no date.
    REVIEW_OVERDUE = "review-overdue", "R28", "驾驶证逾期未审验", "The licence review is overdue", REVIEW;
    /// Past `review_due`.
    REVIEW_OVERDUE_ON = "review-overdue", "R28", "驾驶证逾期未审验（应于 {date} 前审验）", "The licence review is overdue (due by {date})", REVIEW;
    /// Letter T past its term.
    REVIEW_DELAY_ENDED = "review-delay-ended", "R28", "延期审验已于 {date} 到期", "The extension for the review ended on {date}", REVIEW;
    /// Letter J or the flag `out_of_use`.
    OUT_OF_USE = "out-of-use", "R29", "驾驶证已公告停止使用", "The licence has been announced out of use", CONTACT;
    /// Letter K.
    IMPOUNDED = "impounded", "R30", "驾驶证被扣押", "The licence is impounded",
        Text { zh: "解除扣押并发还驾驶证后即可", en: "Cleared when the licence is released and returned" };
    /// Letter B, or 12 points or more.
    POINTS_REACHED = "points-reached", "R30", "记分已达到 12 分（超分）", "The points have reached 12",
        Text { zh: "参加学习并考试合格后即可", en: "Cleared by the course and passing the test" };
    /// Letter E.
    ANNULLED = "annulled", "R30", "驾驶证已撤销", "The licence has been annulled", CONTACT;
    /// Letter F.
    REVOKED = "revoked", "R30", "驾驶证已吊销", "The licence has been revoked", CONTACT;
    /// Letter G.
    CANCELLED = "cancelled", "R30", "驾驶证已注销", "The licence has been cancelled", CONTACT;
    /// Letter L.
    LOCKED = "locked", "R30", "驾驶证已锁定", "The licence is locked", CONTACT;
    /// Letter C.
    TRANSFERRED_OUT = "transferred-out", "R30", "驾驶证档案已转出", "The licence file has been transferred out",
        Text { zh: "请联系转入地车辆管理所", en: "Contact the vehicle administration office that takes the file over" };
    /// Letter R.
    CANCELLED_RECOVERABLE = "cancelled-recoverable", "R30", "驾驶证已注销，可恢复", "The licence is cancelled and can be restored",
        Text { zh: "请到发证机关恢复驾驶资格", en: "Have the licence restored by the issuing authority" };
    /// Letter Z.
    OTHER_STATUS = "other-status", "R30", "驾驶证处于其他非正常状态", "The licence is in another status that is not normal", CONTACT;
    /// A letter that the table does not know.
    UNKNOWN_STATUS = "unknown-status", "R30", "驾驶证状态代码无法识别", "The status of the licence has an unknown code", CONTACT;
    /// Letter N, P or T without its date.
    EXTENSION_DATE_MISSING = "extension-date-missing", "R30", "延期状态缺少截止日期", "The status is an extension without an end date", RECORD;
    /// A record that contradicts itself; the text is the contradiction's own.
    CONTRADICTION = "contradiction", "R30", "登记信息相互矛盾", "The registered data contradict each other", RECORD;
    /// The city opens later.
    NOT_ROLLED_OUT_YET = "not-rolled-out", "R6", "发证地自 {date} 起推广应用电子驾驶证", "Electronic licences are issued at the issuing place from {date}",
        Text { zh: "自 {date} 起即可申领", en: "Possible from {date}" };
    /// No date is known for the city.
    NOT_ROLLED_OUT = "not-rolled-out", "R6", "发证地尚未推广应用电子驾驶证", "Electronic licences are not yet issued at the issuing place",
        Text { zh: "请等待当地推广公告", en: "Wait for the announcement of the roll-out" };
    /// The app is closed to this person.
    SANCTIONED = "sanctioned", "R75", "因恶意或者违法使用，已停止通过 App 申领", "Applying in the app has been stopped after malicious or illegal use",
        Text { zh: "请到发证地车辆管理所窗口办理", en: "Apply at the counter of the issuing vehicle administration office" };
    /// Three reviews in the app ended with a rejection.
    THREE_REJECTIONS = "three-rejections", "R91", "通过 App 提交的申请已三次未通过审核", "Three applications in the app were rejected in review",
        Text { zh: "请到发证地车辆管理所窗口办理", en: "Apply at the counter of the issuing vehicle administration office" };
    /// A licence made from a submitted photo keeps it for six months.
    PHOTO_CHANGE_LATER = "photo-change-later", "R32", "现用照片由本人提交，自 {date} 起可申请更换照片", "The present photo was submitted by the holder: it can be changed from {date}",
        Text { zh: "自 {date} 起即可申请", en: "Possible from {date}" };
    /// One active e-licence per driver.
    ALREADY_ISSUED = "already-issued", "R13", "已持有有效的电子驾驶证", "An electronic licence is already active",
        Text { zh: "无需重复申领；可申请更换照片", en: "There is no need to apply again; a photo change may be asked for" };
    /// One application at a time.
    APPLICATION_OPEN = "application-open", "R23", "已有正在办理的申请", "Another application is open",
        Text { zh: "请等待该申请办结，或者撤回该申请", en: "Wait for its end, or withdraw it" };
    /// A new edition changed the classes.
    CLASSES_CHANGED = "classes-changed", "R88", "换发的驾驶证变更了准驾车型", "The replacement licence changed the vehicle classes",
        Text { zh: "请重新申领电子驾驶证", en: "Apply for the electronic licence again" };
    /// A new edition changed the validity.
    VALIDITY_CHANGED = "validity-changed", "R89", "换发的驾驶证变更了有效期限", "The replacement licence changed the validity",
        Text { zh: "请重新申领电子驾驶证", en: "Apply for the electronic licence again" };
    /// A new edition changed the issuing authority.
    AUTHORITY_CHANGED = "authority-changed", "R90", "换发的驾驶证变更了发证机关", "The replacement licence changed the issuing authority",
        Text { zh: "请重新申领电子驾驶证", en: "Apply for the electronic licence again" };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_has_both_languages_and_one_rule_per_code() {
        for cause in CATALOGUE {
            for text in [cause.text, cause.clears] {
                assert!(
                    text.zh.chars().any(|c| u32::from(c) > 0x3000),
                    "{}",
                    cause.code
                );
                assert!(text.en.is_ascii() && !text.en.is_empty(), "{}", cause.code);
                assert_eq!(text.zh.contains("{date}"), text.en.contains("{date}"));
            }
            assert!(
                cause
                    .code
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'-')
            );
            for other in CATALOGUE.iter().filter(|other| other.code == cause.code) {
                assert_eq!(other.rule, cause.rule, "{}", cause.code);
            }
        }
    }
}
