//! Why a use case did not do what was asked: the catalogue of stable codes.

use licence::{Reason, Text};
use storage::{Conflict, StoreError};
use thiserror::Error;

/// What kind of refusal it is; HTTP maps each kind to one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request does not follow its form.
    Invalid,
    /// Nobody, or nobody known, is signed in.
    Unauthenticated,
    /// Signed in, but not allowed.
    Forbidden,
    /// There is no such thing for this actor.
    NotFound,
    /// It does not fit the present state.
    Conflict,
    /// It was there once and is over.
    Gone,
    /// Too much was asked.
    TooMany,
    /// It could not be checked or done now.
    Unavailable,
    /// There is no room for it.
    Full,
}

/// A refusal from the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its kind.
    pub kind: Kind,
    /// The stable code.
    pub code: &'static str,
    /// What happened.
    pub text: Text,
    /// What clears it.
    pub clears: Text,
}

/// One blocking reason in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The stable code.
    pub code: String,
    /// The requirement behind it, where there is one.
    pub rule: Option<String>,
    /// The field it is about, where there is one.
    pub field: Option<String>,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// What clears it, in Chinese.
    pub clears_zh: Option<String>,
    /// What clears it, in English.
    pub clears_en: Option<String>,
}

/// Why a use case did not do what was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// Refused by a rule.
    #[error("refused: {}", .0.code)]
    Refused(Refusal, Vec<Because>),
    /// Asked too often; when to ask again, in seconds.
    #[error("too many requests")]
    TooMany(u64),
    /// Held back for others who come first; when to come again, in seconds, and why.
    #[error("held back")]
    Held(u64, Box<Because>),
    /// The store failed or lost a race.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something inside does not fit; the cause goes to the log.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.refusal().code
    }

    /// The catalogue's entry for this error.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal, _) => *refusal,
            Self::TooMany(_) => TOO_MANY,
            Self::Held(..) => BUSINESS_PEAK,
            Self::Store(StoreError::Conflict(conflict)) => of_conflict(*conflict),
            Self::Store(error) if error.is_full() => STORAGE_FULL,
            Self::Store(StoreError::Unavailable(_) | StoreError::Objects(_)) => COULD_NOT,
            Self::Store(StoreError::Inconsistent { .. } | StoreError::Mismatch(_))
            | Self::Internal(_) => INTERNAL,
        }
    }

    /// The reasons that came with it.
    #[must_use]
    pub fn reasons(&self) -> &[Because] {
        match self {
            Self::Refused(_, reasons) => reasons,
            Self::Held(_, because) => std::slice::from_ref(because),
            Self::Store(_) | Self::Internal(_) | Self::TooMany(_) => &[],
        }
    }

    /// After how many seconds to ask again, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany(seconds) | Self::Held(seconds, _) => Some(*seconds),
            Self::Refused(..) | Self::Store(_) | Self::Internal(_) => None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal, Vec::new())
    }
}

impl From<Conflict> for Error {
    fn from(conflict: Conflict) -> Self {
        Self::Store(conflict.into())
    }
}

impl From<&Reason> for Because {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code.to_owned(),
            rule: Some(reason.rule.to_owned()),
            field: None,
            zh: reason.text.zh.to_string(),
            en: reason.text.en.to_string(),
            clears_zh: Some(reason.clears.zh.to_string()),
            clears_en: Some(reason.clears.en.to_string()),
        }
    }
}

impl From<crate::views::ReasonView> for Because {
    fn from(view: crate::views::ReasonView) -> Self {
        Self {
            code: view.code,
            rule: view.rule,
            field: view.field,
            zh: view.zh,
            en: view.en,
            clears_zh: view.clears_zh,
            clears_en: view.clears_en,
        }
    }
}

impl From<licence::Refusal> for Error {
    fn from(refusal: licence::Refusal) -> Self {
        let because = Because {
            code: refusal.code.to_owned(),
            rule: None,
            field: None,
            zh: refusal.text.zh.to_owned(),
            en: refusal.text.en.to_owned(),
            clears_zh: None,
            clears_en: None,
        };
        let kind = match refusal.code {
            "same-officer" => SAME_OFFICER,
            "same-reviewer" => SAME_REVIEWER,
            "not-appealable" => NOT_APPEALABLE,
            "own-decision" => OWN_DECISION,
            "appeal-open" => APPEAL_OPEN,
            "grounds-required" | "evidence-required" | "too-much-evidence" => INVALID_SANCTION,
            _ => NOT_IN_THIS_STATE,
        };
        Self::Refused(kind, vec![because])
    }
}

/// Asked too often.
pub(crate) fn too_many(seconds: u64) -> Error {
    Error::TooMany(seconds.max(1))
}

fn of_conflict(conflict: Conflict) -> Refusal {
    match conflict {
        Conflict::Revision
        | Conflict::Request
        | Conflict::Cursor
        | Conflict::IndexKey
        | Conflict::StaffChanged
        | Conflict::PushKey
        | Conflict::Consent
        | Conflict::Text => CHANGED_MEANWHILE,
        Conflict::ApplicationState
        | Conflict::TrustChange
        | Conflict::ELicenceState
        | Conflict::Binding
        | Conflict::Sample
        | Conflict::SanctionState
        | Conflict::SecondFactor => NOT_IN_THIS_STATE,
        Conflict::OpenSanction => OPEN_SANCTION,
        Conflict::OpenApplication => OPEN_APPLICATION,
        Conflict::CurrentELicence => HAS_E_LICENCE,
        Conflict::Claim => CLAIMED_BY_ANOTHER,
        Conflict::Loan => LOAN_EXHAUSTED,
        Conflict::NameTaken => NAME_TAKEN,
        Conflict::Trust => KEYS_EXIST,
        Conflict::ActivationCode => ACTIVATION_REFUSED,
        Conflict::Device => WRONG_LOGIN,
        Conflict::PersonCheck => PERSON_CHECK_OVER,
    }
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident = $kind:ident $code:literal, $zh:literal, $en:literal; $clears_zh:literal, $clears_en:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: Refusal = Refusal {
                kind: Kind::$kind,
                code: $code,
                text: Text { zh: $zh, en: $en },
                clears: Text { zh: $clears_zh, en: $clears_en },
            };
        )*

        /// The whole catalogue, for the documentation of error codes.
        pub const CATALOGUE: &[Refusal] = &[$($name),*];
    };
}

catalogue! {
    /// Nobody is signed in.
    SIGN_IN = Unauthenticated "sign-in-required", "请先登录", "Nobody is signed in"; "登录后重试", "Sign in and try again";
    /// Login, password, device or second factor is wrong; the same whichever, and whether or not the login exists.
    WRONG_LOGIN = Unauthenticated "wrong-login", "账号、密码、设备或动态验证码不符", "Login, password, device or second factor is not recognised"; "核对后重试；驾驶人首次使用或更换设备时请先激活", "Check them all; a driver on a new device activates it first";
    /// A member of staff has no second factor yet.
    ENROL_FACTOR = Forbidden "second-factor-missing", "须先设置动态验证码（双因素认证）", "The second factor must be set up first"; "通过 POST /staff/factor 设置", "Set it up by POST /staff/factor";
    /// Password or second factor is wrong, in a session that goes on.
    WRONG_PROOF = Forbidden "proof-refused", "密码或动态验证码错误", "Password or second factor is wrong"; "核对后重试", "Check and try again";
    /// An administrator's own account.
    OWN_ACCOUNT = Forbidden "own-account", "管理员不得变更本人账号", "Administrators do not change their own account"; "由另一名管理员办理", "Another administrator does it";
    /// Two persons are needed.
    SECOND_ADMINISTRATOR = Forbidden "second-administrator-needed", "须由另一名管理员批准", "A second administrator has to approve"; "由既非申请人、亦非账号本人的管理员批准", "Somebody who neither asked for it nor owns the account approves";
    /// The password given to change it is wrong.
    WRONG_PASSWORD = Forbidden "wrong-password", "原密码错误", "The present password is wrong"; "核对原密码；忘记密码请重新激活", "Check it; who has forgotten it activates anew";
    /// The account is frozen.
    ALREADY_FROZEN = Conflict "account-frozen", "该账号已冻结", "The account is frozen"; "核验身份后先解冻", "Unfreeze it first, after an identity check";
    /// The account is not frozen.
    NOT_FROZEN = Conflict "account-not-frozen", "该账号未冻结", "The account is not frozen"; "无需办理", "Nothing is to be done";
    /// The role does not allow it.
    NOT_YOUR_ROLE = Forbidden "not-your-role", "当前身份无权进行此操作", "The role at hand does not allow this"; "由有权限的人员办理", "Somebody with the right role can do it";
    /// The registry's token is unknown.
    UNKNOWN_SOURCE = Unauthenticated "unknown-source", "数据来源未通过认证", "The registry source is not authenticated"; "使用管理员签发的令牌", "Use the token that the administrator issued";
    /// The gateway's token is unknown.
    UNKNOWN_GATEWAY = Unauthenticated "unknown-gateway", "短信网关未通过认证", "The text gateway is not authenticated"; "使用 texts.report_token_file 中的令牌", "Use the token of texts.report_token_file";
    /// It does not exist for this actor.
    NOT_FOUND = NotFound "not-found", "未找到", "There is no such thing"; "核对后重试", "Check and try again";
    /// Every credential of the status list has expired.
    STATUS_LIST_RETIRED = Gone "status-list-retired", "该状态列表中的凭证均已过期，列表已停用", "Every credential of this status list has expired, and it is published no more"; "无需再查询", "There is nothing left to ask";
    /// The body does not follow its form.
    INVALID = Invalid "invalid-request", "请求内容不符合要求", "The request does not follow its form"; "按所列原因更正", "Correct what the reasons name";
    /// The licence number is not one.
    INVALID_NUMBER = Invalid "invalid-licence-number", "证号不正确", "That is not a licence number"; "核对证号", "Check the number";
    /// The photo cannot be used.
    INVALID_PHOTO = Invalid "invalid-photo", "照片文件无法使用", "The photo file cannot be used"; "更换照片文件", "Use another photo file";
    /// The password is too weak.
    WEAK_PASSWORD = Invalid "weak-password", "密码须为 10 至 128 个字符，且不得包含证号", "A password has 10 to 128 characters and does not contain the licence number"; "另设密码", "Choose another password";
    /// Another officer must decide.
    SAME_OFFICER = Forbidden "same-officer", "提交人不得审核自己提交的申请", "Whoever submitted an application does not decide it"; "由另一名民警审核", "Another officer decides";
    /// An officer's own record.
    OWN_RECORD = Forbidden "own-record", "不得办理本人的业务", "Officers do not handle their own record"; "由另一名民警办理", "Another officer handles it";
    /// Nobody decides about their own decision.
    OWN_DECISION = Forbidden "own-decision", "作出处置决定的人不得决定是否解除", "Whoever brought a sanction into force does not decide whether it is lifted"; "由另一名民警决定", "Another officer decides";
    /// The driver has a sanction that is proposed or in force.
    OPEN_SANCTION = Conflict "open-sanction", "该驾驶人已有未办结的处置", "A sanction of this driver is proposed or in force"; "在该处置中办理", "Go on with that one";
    /// A sanction is not proposed as it should be.
    INVALID_SANCTION = Invalid "invalid-sanction", "处置的理由、证据或者说明不符合要求", "Grounds, evidence or statement of the sanction are not what they should be"; "按所列原因更正", "Correct what the reasons name";
    /// An appeal is waiting for its answer.
    APPEAL_OPEN = Conflict "appeal-open", "申诉正在处理", "An appeal is being dealt with"; "等待处理结果", "Wait for its answer";
    /// The case file is for those who decided.
    CASE_FILE_RESTRICTED = Forbidden "case-file-restricted", "案卷仅供参与该处置决定的民警导出", "The case file is for the officers who took part in the decision"; "由参与决定的民警导出", "One of them exports it";
    /// The e-licence is stopped by a sanction.
    E_LICENCE_STOPPED = Conflict "e-licence-stopped", "因恶意或者违法使用，电子驾驶证已停止使用 (R75)", "The e-licence was stopped after malicious or illegal use (R75)"; "查看原因，可申诉；也可到发证地车辆管理所窗口办理", "Read why and appeal, or go to the counter of the issuing vehicle administration office";
    /// It is a business peak.
    BUSINESS_PEAK = TooMany "business-peak", "当前为业务高峰，暂缓受理", "It is a business peak: this is held back for now"; "避开业务高峰，在所列时间以后办理 (R87)", "Come back after the time named, outside business peaks (R87)";
    /// Another office issued the licence.
    OUT_OF_SCOPE = Forbidden "office-out-of-scope", "该驾驶证不属于本窗口所属发证机关", "This office's authority did not issue the licence"; "到驾驶证核发地车辆管理所办理 (R91)", "Go to the office that issued the licence (R91)";
    /// The member of staff has no office.
    NO_OFFICE = Forbidden "no-office", "该账号未分配办公地点", "The account belongs to no office"; "由管理员分配", "An administrator assigns one";
    /// The driver cannot apply.
    NOT_ELIGIBLE = Conflict "not-eligible", "暂不能申领电子驾驶证", "The driver cannot apply now"; "按所列原因办理后重试", "Clear what the reasons name";
    /// Issue was refused at the last check.
    ISSUE_REFUSED = Conflict "issue-refused", "审核已通过，但登记信息不允许核发，未生成电子驾驶证", "Approved, but the registry blocks the issue: no e-licence was made"; "按所列原因办理后重新申请", "Clear what the reasons name and apply again";
    /// Nobody judges photos here.
    PHOTOS_NOT_JUDGED = Unavailable "photos-not-judged", "本系统暂不能检测照片，不能通过 App 申领", "Photos cannot be judged here now: nobody applies in the app"; "到驾驶证核发地车辆管理所窗口办理 (R91)，或稍后重试", "Apply at the counter of the office that issued the licence (R91), or try again later";
    /// Another kind of application is the right one.
    WRONG_KIND = Conflict "wrong-kind", "申请类型与当前电子驾驶证状态不符", "This kind of application does not fit the e-licence at hand"; "按所列类型申请", "Apply for what the reason names";
    /// R41, R49: the photo on file can be used.
    PHOTO_ON_FILE_USABLE = Conflict "photo-on-file-usable", "已有符合要求的留存照片，首次申领不使用自行提交的照片 (R41、R49)", "There is an acceptable photo on file: a first application uses it (R41, R49)"; "使用已留存的照片；领取后可申请更换照片", "Use the photo on file; it can be changed once the licence is issued";
    /// The photo on file breaks a rule.
    PHOTO_ON_FILE_UNUSABLE = Conflict "photo-on-file-unusable", "留存照片不符合要求", "The photo on file cannot be used"; "改用手机拍照或相册照片 (R33)", "Use the camera or the album (R33)";
    /// There is no photo on file.
    NO_PHOTO_ON_FILE = Conflict "no-photo-on-file", "没有留存照片", "There is no photo on file"; "改用手机拍照或相册照片 (R33)", "Use the camera or the album (R33)";
    /// The photo on file is another now.
    PHOTO_ON_FILE_CHANGED = Conflict "photo-on-file-changed", "留存照片已变更", "The photo on file changed meanwhile"; "撤回后重新申请", "Withdraw and apply again";
    /// R32: a submitted photo is kept for six months.
    PHOTO_CHANGE_LATER = Conflict "photo-change-later", "暂不能更换照片", "The photo cannot be changed yet"; "自所列日期起申请", "Apply from the date that the reason names";
    /// R45, R51: the photo rules come first.
    RULES_NOT_READ = Conflict "rules-not-read", "请先阅读拍摄须知 (R45、R51)", "The photo rules must be read first (R45, R51)"; "阅读后确认", "Read them and say so";
    /// The text that was read or agreed to is not the present one.
    TEXT_OUTDATED = Conflict "text-outdated", "该文本已有新版本", "There is a newer version of this text"; "阅读新版本后重试", "Read the newer one";
    /// The photo breaks a rule.
    PHOTO_FAILS = Invalid "photo-fails-rules", "照片不符合要求", "The photo breaks the rules"; "按所列提示重新拍摄或选择", "Take or choose another as the reasons say";
    /// R71: a photo without a date needs a declaration.
    DECLARATION_REQUIRED = Invalid "declaration-required", "照片无拍摄日期，须声明为近六个月内拍摄 (R71)", "The photo carries no date: that it was taken within six months has to be declared (R71)"; "签署声明后重新提交", "Submit it with a signed declaration";
    /// The signature is not the named key's.
    SIGNATURE_REFUSED = Forbidden "signature-refused", "签名验证不通过", "The signature is not that of the key"; "由同一设备重新签名提交", "The same device signs it again";
    /// The device that presents the licence signs with the key of its binding.
    BOUND_KEY = Forbidden "bound-key-required", "本设备已绑定，须使用绑定的密钥", "This device presents the licence: it signs with the key of its binding"; "使用绑定的密钥", "Use the key of the binding";
    /// The photo on file is shown once the person is verified.
    PHOTO_NOT_SHOWN = Forbidden "photo-not-shown-yet", "通过实人认证后方可查看留存照片", "The photo on file is shown once the person is verified"; "先完成实人认证", "Pass the person check first";
    /// R38, R47, R53: confirmed first.
    CONFIRM_FIRST = Conflict "confirm-first", "请先确认信息和照片 (R38、R47、R53)", "Information and photo must be confirmed first (R38, R47, R53)"; "确认后继续", "Confirm, then go on";
    /// The consent to face processing comes first.
    FACE_CONSENT_REQUIRED = Conflict "face-consent-required", "须先单独同意处理人脸信息", "The processing of the face needs a consent of its own first"; "同意后继续，或到窗口办理", "Agree and go on, or apply at the counter";
    /// Too many person checks in vain.
    PERSON_CHECKS_USED_UP = Conflict "person-checks-used-up", "实人认证失败次数已达上限", "Too many person checks have failed"; "24 小时后重试，或到驾驶证核发地车辆管理所窗口办理 (R91)", "Try again after 24 hours, or apply at the counter of the office that issued the licence (R91)";
    /// There is no such way of checking a person here.
    METHOD_UNAVAILABLE = Unavailable "method-unavailable", "该认证方式未启用", "This way of checking a person is not available"; "使用其他认证方式，或到窗口办理", "Use another, or apply at the counter";
    /// The identity service did not answer.
    IDENTITY_UNREACHABLE = Unavailable "identity-service-unreachable", "身份认证服务暂时无法使用", "The identity service cannot be asked now"; "稍后重试，或使用其他认证方式", "Try again later, or use another way";
    /// The person check ended, or another took its place.
    PERSON_CHECK_OVER = Conflict "person-check-over", "该次实人认证已结束", "This person check is over"; "重新开始实人认证", "Begin another";
    /// The answer came too late.
    PERSON_CHECK_EXPIRED = Gone "person-check-expired", "实人认证超时", "The answer came too late"; "重新开始实人认证", "Begin another";
    /// What answers a person check does not follow its form.
    FRAMES_REFUSED = Invalid "frames-refused", "提交的画面不符合要求", "The frames do not follow their form"; "重新拍摄提交", "Take them again";
    /// The frames of a person check do not show what was asked, whoever the person is.
    CHECK_NOT_PASSED = Forbidden "person-check-not-passed", "画面未按提示完成，实人认证未通过", "The frames do not show what was asked"; "按所列原因重新开始实人认证", "Begin another person check and follow the reasons";
    /// The person check comes before the submission.
    PERSON_CHECK_FIRST = Conflict "person-check-first", "请先完成实人认证 (R39)", "The person check comes first (R39)"; "完成实人认证后提交", "Pass it, then submit";
    /// The record blocks an issue that no officer reviewed.
    ISSUE_BLOCKED = Conflict "issue-blocked", "登记信息不允许核发，未生成电子驾驶证", "The registry blocks the issue: no e-licence was made"; "按所列原因办理后重新申请", "Clear what the reasons name and apply again";
    /// There is an open application.
    OPEN_APPLICATION = Conflict "open-application", "已有正在办理的申请", "An application is open already"; "等待该申请办结", "Wait for its end";
    /// There is a current e-licence.
    HAS_E_LICENCE = Conflict "has-e-licence", "已持有有效的电子驾驶证", "The driver has a current e-licence"; "无需重复申领", "Nothing has to be done";
    /// The thing moved on.
    NOT_IN_THIS_STATE = Conflict "not-in-this-state", "当前状态下不能进行此操作", "This is not possible in the present state"; "刷新后查看最新状态", "Read the present state";
    /// Somebody else wrote first.
    CHANGED_MEANWHILE = Conflict "changed-meanwhile", "信息已被更新，本次操作未生效", "It changed meanwhile; nothing was done"; "刷新后重试", "Read it again and retry";
    /// The case is another's.
    CLAIMED_BY_ANOTHER = Conflict "claimed-by-another", "该申请正由他人审核", "Another reviewer holds the case"; "等待其释放或选择其他申请", "Wait or take another case";
    /// The case must be claimed first.
    CLAIM_FIRST = Conflict "claim-first", "请先领取该申请", "The case must be claimed first"; "领取后再决定", "Claim it, then decide";
    /// Whoever decided first does not decide again.
    SAME_REVIEWER = Forbidden "same-reviewer", "原审核人不得处理针对其决定的申诉或者复核", "Whoever decided first does not decide whether that was right"; "由另一名民警处理", "Another officer decides";
    /// Nothing can be claimed now.
    NO_CASE = NotFound "no-case", "暂无可领取的案件", "There is no case to claim now"; "稍后重试", "Try again later";
    /// The loan gives no more cases now.
    LOAN_EXHAUSTED = Conflict "loan-exhausted", "协办案件已达当日上限，或者排队数量未超过约定", "No more cases are lent now: the day's limit is reached, or the queue is not long enough"; "改为办理本单位案件，或次日再试", "Take cases of your own office, or try again the next day";
    /// A loan does not follow its form.
    INVALID_LOAN = Invalid "invalid-loan", "协办规则不正确：两个单位须不同且存在，期限不超过一年，并注明每日上限或排队数量", "A loan names two different offices that exist, a time of a year at most, and a daily limit or a length of the queue"; "更正后重试", "Correct it and try again";
    /// The year of a working calendar contradicts itself.
    INVALID_CALENDAR = Invalid "invalid-calendar", "工作日历不正确：日期须属于该年，调休上班日须为周末且不是节假日", "The working calendar contradicts itself: days lie in its year, make-up days are weekend days and no holidays"; "按公布的节假日安排更正", "Correct it by the announcement";
    /// There is no appeal against this.
    NOT_APPEALABLE = Conflict "not-appealable", "该决定不能申诉：只有审核人员退回的申请可以申诉一次，且其后未再次申请", "There is no appeal against this: only an officer's rejection can be appealed, once, and not after a new application"; "按退回原因重新申请，或到窗口咨询", "Apply again as the reasons say, or ask at the counter";
    /// The time for an appeal is over.
    APPEAL_TOO_LATE = Gone "appeal-too-late", "申诉期限已过", "The time for an appeal is over"; "重新申请，或到窗口咨询", "Apply again, or ask at the counter";
    /// An appeal says why.
    APPEAL_TEXT = Invalid "appeal-text", "申诉须写明理由，1 至 500 个字", "An appeal says why, in 1 to 500 characters"; "填写后重试", "Fill it in and try again";
    /// The matchers' result is to be seen first.
    ACKNOWLEDGE_FIRST = Conflict "acknowledge-first", "人脸比对认为新照片与留存照片不是同一人，通过前须确认已核对", "The matchers say that the new photo and the photo on file show two people: it is approved only by who says that they saw it"; "核对两张照片后，以 acknowledged 注明 another-person", "Compare both photos, then name another-person in `acknowledged`";
    /// The operator has not turned the search on.
    DUPLICATES_OFF = Unavailable "duplicate-search-off", "未启用重复人脸排查", "The search for duplicate faces is off"; "由运行单位依法评估后在配置中启用", "The operator turns it on, after a legal assessment";
    /// There is no face to work with.
    NO_FACE = Conflict "no-face", "照片中没有可用于比对的人脸", "The photo has no face that can be compared"; "按照片规则处理该申请", "Decide the case by the photo rules";
    /// A rejection needs reasons.
    REASONS_MISSING = Invalid "reasons-missing", "退回申请须注明原因", "A rejection names its reasons"; "选择原因", "Name at least one";
    /// The name exists.
    NAME_TAKEN = Conflict "name-taken", "名称已被使用", "The name is taken"; "更换名称", "Choose another";
    /// Keys exist already.
    KEYS_EXIST = Conflict "keys-exist", "签名密钥已存在", "Signing keys exist already"; "无需重复生成", "Nothing has to be done";
    /// There are no signing keys.
    NO_KEYS = Unavailable "no-signing-keys", "尚未生成签名密钥", "There are no signing keys yet"; "运行 jiazhao keys generate", "Run `jiazhao keys generate`";
    /// No key of a suite may sign now.
    NO_KEY_SIGNS = Unavailable "no-key-may-sign", "有算法套件没有可用的签名密钥，暂不能核发", "A suite has no key that may sign now: nothing is issued"; "由管理员轮换签名密钥后重试", "Try again once the administrator has rotated the keys";
    /// Nothing would sign any more.
    LAST_KEY = Conflict "last-signing-key", "没有其他同类密钥可用，不能停用", "No other key of the same suite and use would sign"; "先轮换出新密钥 (jiazhao keys rotate)", "Rotate first (`jiazhao keys rotate`)";
    /// A trust list is not believed, or may not follow the one in use.
    TRUST_REFUSED = Invalid "trust-list-refused", "信任列表变更未被接受", "The proposed trust list is not accepted"; "按所列原因重新准备并由根密钥签署", "Prepare it anew as the reasons say and have the roots sign it";
    /// Another list was activated first.
    PROPOSAL_STALE = Conflict "trust-proposal-stale", "其间已有其他信任列表生效，本提案已过时", "Another trust list was activated first: this one is out of date"; "驳回后重新准备", "Reject it and prepare it anew";
    /// Activation did not work; the same whatever was wrong.
    ACTIVATION_REFUSED = Forbidden "activation-refused", "激活码无效、已使用或已过期，未能确认为本人，或账号暂不能激活", "The activation code is wrong, used or expired, the person was not confirmed, or the account cannot be activated now"; "重新获取验证码，或到窗口领取激活码", "Ask for a new code, or get one at a counter";
    /// There is no e-licence to show.
    NO_E_LICENCE = NotFound "no-e-licence", "尚未领取电子驾驶证", "There is no e-licence"; "先申领", "Apply first";
    /// The e-licence was superseded.
    SUPERSEDED = Gone "e-licence-superseded", "电子驾驶证已失效，需重新申领", "The e-licence was superseded; a new application is needed"; "重新申领 (R88-R90)", "Apply again (R88-R90)";
    /// The e-licence is not shown in this status.
    NOT_SHOWN = Conflict "e-licence-not-shown", "当前状态下不出示电子驾驶证", "The e-licence is not shown in this status"; "按所列原因联系发证机关", "Contact the issuing authority about the reasons";
    /// Dynamic and offline codes need a bound device.
    NOT_BOUND = Conflict "device-not-bound", "尚未绑定设备，只能使用数字码", "No device is bound; only the numeric code can be used"; "绑定本设备，或使用数字码", "Bind this device, or use the numeric code";
    /// Another device of the driver presents.
    OTHER_DEVICE = Conflict "other-device", "电子驾驶证已绑定另一台设备", "Another device presents the licence"; "在已绑定的设备上出示，或绑定本设备", "Show it on that device, or bind this one";
    /// There is no binding to end or to see.
    NO_BINDING = NotFound "no-binding", "没有已绑定的设备", "No device is bound"; "无需办理", "Nothing is to be done";
    /// Nothing is pushed to browsers here.
    NO_PUSH = NotFound "push-off", "本平台未开通网页推送", "Nothing is pushed to browsers here"; "在消息页查看通知", "Read the messages in the app";
    /// An address to which nothing is sent.
    PUSH_ENDPOINT = Invalid "push-endpoint-refused", "推送地址不是受信任的推送服务", "That is not the address of a push service that is trusted here"; "由浏览器重新订阅；仍不行请使用其他浏览器", "Let the browser subscribe anew, or use another browser";
    /// Nothing can be encrypted for these.
    PUSH_KEYS = Invalid "push-keys-invalid", "推送密钥须为 P-256 公钥（65 字节）和 16 字节共享密钥，均为 base64url", "The keys of a push subscription are a point of P-256 (65 bytes) and 16 bytes, in base64url"; "由浏览器重新订阅", "Let the browser subscribe anew";
    /// Not the public key of a device.
    INVALID_DEVICE_KEY = Invalid "invalid-device-key", "设备公钥须为 P-256 曲线上的未压缩点（65 字节，base64url）", "A device key is an uncompressed point of P-256: 65 bytes, base64url"; "由设备重新生成密钥", "The device makes a new key";
    /// The proof is not the named key's.
    BINDING_REFUSED = Forbidden "binding-refused", "设备密钥持有证明无效", "The proof does not show that the device holds the key"; "重新绑定", "Begin the binding anew";
    /// Neither eighteen digits with a right check digit nor a well-formed code of a device.
    NOT_A_CODE = Invalid "not-a-code", "不是有效的核验码，请核对", "That is not a code"; "核对后重新输入或扫描", "Check it and enter or scan it again";
    /// The code of a device is not what it says it is.
    CODE_REFUSED = Invalid "code-refused", "该码未通过真伪核验", "The code is not authentic"; "按所列原因处理，并要求当面重新出示", "See the reasons, and ask for a new one on the device itself";
    /// The code of a device is past its time, or not yet in it.
    CODE_NOT_FRESH = Gone "not-fresh", "该码已过时，不能证明是当面出示", "The code is not fresh: it does not show that the device is here"; "请持证人在设备上重新出示", "Ask for a new one on the device itself";
    /// The code's time is far off.
    CODE_CLOCK_OFF = Gone "clock-off", "该码的时间与系统时间相差过大", "The code's time is far from the system's"; "请持证人校准设备时钟后重新出示", "The holder sets the device's clock and shows a new one";
    /// The device presents no more.
    CODE_ENDED = Gone "code-ended", "该设备已不能出示此电子驾驶证", "The device presents this licence no more"; "请持证人在已绑定的设备上出示，或使用数字码", "Ask for it on the device that is bound, or for a numeric code";
    /// No such code was made.
    CODE_UNKNOWN = NotFound "code-unknown", "该码不存在", "No such code was made"; "请持证人重新生成", "The holder makes a new one";
    /// The code was used.
    CODE_USED = Conflict "code-used", "该码已被使用", "The code was used before"; "请持证人重新生成", "The holder makes a new one";
    /// The code is too old.
    CODE_EXPIRED = Gone "code-expired", "该数字码已过期", "The code has expired"; "请持证人重新生成", "The holder makes a new one";
    /// The purpose does not fit the role.
    WRONG_PURPOSE = Forbidden "wrong-purpose", "该身份不得以此目的核验", "The role cannot verify for this purpose"; "选择与职责相符的目的", "Choose a purpose of the role";
    /// The class is not known.
    UNKNOWN_CLASS = Invalid "unknown-class", "准驾车型代号不存在", "There is no such vehicle class"; "核对代号", "Check the code";
    /// One key, two requests.
    KEY_REUSED = Conflict "idempotency-key-reused", "同一 Idempotency-Key 用于不同的请求", "One Idempotency-Key was used for two different requests"; "更换 Idempotency-Key", "Use another key";
    /// Asked too often.
    TOO_MANY = TooMany "too-many-requests", "操作过于频繁", "This was asked too often"; "稍后重试", "Wait as long as Retry-After says";
    /// The witness of the audit cannot be used.
    WITNESS_FAILED = Unavailable "witness-failed", "审计见证无法读写", "The audit's witness cannot be read or written"; "检查见证的位置、地址、令牌和权限", "Check where it lies or its address and token, and who may use it";
    /// The witness holds what the database does not.
    WITNESS_AHEAD = Conflict "witness-ahead", "审计见证与数据库中的检查点不符，数据库可能被回退", "The witness holds a checkpoint that the database does not: it may have been set back"; "运行 jiazhao audit verify --against", "Run `jiazhao audit verify --against`";
    /// Audit rows do not follow each other.
    AUDIT_BROKEN = Conflict "audit-broken", "审计记录校验不通过", "The audit does not verify"; "运行 jiazhao audit verify", "Run `jiazhao audit verify`";
    /// The disk takes no more.
    STORAGE_FULL = Full "storage-full", "存储空间不足，本次操作未生效", "The storage is full; nothing was done"; "由管理员释放或扩充存储空间后重试", "The administrator makes room; then try again";
    /// The store did not answer.
    COULD_NOT = Unavailable "could-not-check", "暂时无法查询或办理", "It could not be checked or done now"; "稍后重试", "Try again later";
    /// Something inside does not fit.
    INTERNAL = Unavailable "internal", "系统内部错误", "Something inside failed"; "稍后重试；如仍有问题请联系管理员", "Try again; tell the administrator if it lasts";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_one_refusal_with_all_texts() {
        let codes: BTreeSet<_> = CATALOGUE.iter().map(|refusal| refusal.code).collect();
        assert_eq!(codes.len(), CATALOGUE.len());
        for refusal in CATALOGUE {
            for text in [
                refusal.text.zh,
                refusal.text.en,
                refusal.clears.zh,
                refusal.clears.en,
            ] {
                assert!(!text.is_empty(), "{}", refusal.code);
            }
        }
    }
}
