//! From stored rows and records to the views of them.

use jiff::Timestamp;
use licence::{
    CLASS_TABLE, Due, Note, Record, Showing, StatusValue, ValidUntil, civil_date, effective,
    showing, status::Effective,
};
use serde::{Deserialize, Serialize};
use storage::{ApplicationRow, ELicenceRow, Notification, ReviewCase, TextRow};

use crate::{
    Error,
    notify::TextKind,
    refusal,
    views::{
        ApplicationView, CaseView, ChannelView, ClassRowView, ELicenceView, LetterView, MainPage,
        NotificationView, ReasonView, RecordView, RemarkView, StatusView, SubPage,
    },
};

pub(crate) fn valid_until(until: ValidUntil) -> String {
    match until {
        ValidUntil::Date(date) => date.to_string(),
        ValidUntil::LongTerm => "long-term".to_owned(),
    }
}

fn codes(record: &Record) -> Vec<String> {
    record
        .classes
        .iter()
        .map(|class| class.as_str().to_owned())
        .collect()
}

fn remarks(record: &Record) -> Vec<RemarkView> {
    record
        .remarks
        .iter()
        .map(|remark| RemarkView {
            date: remark.date,
            text: remark.text.clone(),
        })
        .collect()
}

pub(crate) fn record_view(record: &Record) -> RecordView {
    RecordView {
        licence_number: record.licence_number.as_str().to_owned(),
        name: record.name.clone(),
        sex: Some(record.sex.as_str().to_owned()),
        nationality: record.nationality.clone(),
        birth_date: Some(record.birth_date),
        first_issue_date: record.first_issue_date,
        classes: codes(record),
        valid_from: record.valid_from,
        valid_until: valid_until(record.valid_until),
        address: record.address.clone(),
        issuing_authority: record.issuing_authority.name.clone(),
        authority_code: record.issuing_authority.code.as_str().to_owned(),
        file_number: file_number(record),
        points: record.points,
        document_edition: record.document_edition,
        hearing_aid: record.hearing_aid,
        remarks: remarks(record),
    }
}

pub(crate) fn file_number(record: &Record) -> Option<String> {
    record
        .file_number
        .as_ref()
        .map(|number| number.as_str().to_owned())
}

/// The status at an instant, made stricter by `also`.
pub(crate) fn status_view(record: &Record, also: StatusValue, at: Timestamp) -> StatusView {
    let from_record = effective(record, civil_date(at));
    let effective = Effective {
        value: from_record.value.strictest(also),
        ..from_record
    };
    let shown = match showing(&effective) {
        Showing::Black => "black",
        Showing::Red { .. } => "red",
        Showing::Hidden { .. } => "hidden",
    };
    StatusView {
        value: effective.value.as_str().to_owned(),
        shown: shown.to_owned(),
        letters: effective
            .letters
            .iter()
            .map(|letter| LetterView {
                letter: letter.as_str().to_owned(),
                zh: letter.name().zh.to_owned(),
                en: letter.name().en.to_owned(),
            })
            .collect(),
        reasons: effective.reasons.iter().map(ReasonView::from).collect(),
        as_of: at,
    }
}

pub(crate) fn e_licence_view(
    record: &Record,
    row: &ELicenceRow,
    mut status: StatusView,
    now: Timestamp,
) -> ELicenceView {
    let contact = &record.issuing_authority.name;
    let told = stage_reasons(row).into_iter();
    status
        .reasons
        .extend(told.map(|told| whom_to_contact(told, row, contact)));
    let shown = status.shown != "hidden";
    ELicenceView {
        id: row.id.to_string(),
        stage: row.stage.as_str().to_owned(),
        status,
        server_time: now,
        main_page: shown.then(|| main_page(record, row)),
        sub_page: shown.then(|| sub_page(record)),
    }
}

/// What the stage of an e-licence means for its holder.
pub(crate) fn stage_reasons(row: &ELicenceRow) -> Vec<ReasonView> {
    use licence::e_licence::Stage;
    let (refusal, rule) = match row.stage {
        Stage::Active => return Vec::new(),
        Stage::Superseded => (refusal::SUPERSEDED, Some("R88")),
        Stage::Stopped => (refusal::E_LICENCE_STOPPED, Some("R75")),
        Stage::Revoked => (refusal::NOT_SHOWN, None),
    };
    vec![ReasonView {
        code: format!("e-licence-{}", row.stage.as_str()),
        rule: rule.map(str::to_owned),
        field: None,
        zh: refusal.text.zh.to_owned(),
        en: refusal.text.en.to_owned(),
        clears_zh: Some(refusal.clears.zh.to_owned()),
        clears_en: Some(refusal.clears.en.to_owned()),
    }]
}

/// Names the issuing authority where the holder has to turn to somebody.
fn whom_to_contact(reason: ReasonView, row: &ELicenceRow, authority: &str) -> ReasonView {
    use licence::e_licence::Stage;
    match row.stage {
        Stage::Active | Stage::Superseded => reason,
        Stage::Stopped | Stage::Revoked => ReasonView {
            clears_zh: reason
                .clears_zh
                .map(|text| format!("{text}；发证机关：{authority}")),
            clears_en: reason
                .clears_en
                .map(|text| format!("{text}; issuing authority: {authority}")),
            ..reason
        },
    }
}

fn main_page(record: &Record, row: &ELicenceRow) -> MainPage {
    MainPage {
        licence_number: record.licence_number.as_str().to_owned(),
        name: record.name.clone(),
        sex: record.sex.as_str().to_owned(),
        nationality: record.nationality.clone(),
        birth_date: record.birth_date,
        first_issue_date: record.first_issue_date,
        classes: codes(record),
        valid_from: record.valid_from,
        valid_until: valid_until(record.valid_until),
        points: record.points,
        generated_at: row.generated_at,
        photo: "/api/v1/holder/e-licence/portrait".to_owned(),
        codes: "/api/v1/holder/e-licence/codes".to_owned(),
    }
}

fn sub_page(record: &Record) -> SubPage {
    SubPage {
        address: record.address.clone(),
        issuing_authority: record.issuing_authority.name.clone(),
        file_number: file_number(record),
        record: remarks(record),
        hearing_aid: record.hearing_aid,
        class_table: CLASS_TABLE
            .iter()
            .map(|row| ClassRowView {
                code: row.code.to_owned(),
                zh: row.name.zh.to_owned(),
                en: row.name.en.to_owned(),
                vehicles_zh: row.vehicles.zh.to_owned(),
                vehicles_en: row.vehicles.en.to_owned(),
                also: row.also.iter().map(|c| c.as_str().to_owned()).collect(),
            })
            .collect(),
    }
}

pub(crate) fn application_view(row: &ApplicationRow) -> ApplicationView {
    ApplicationView {
        id: row.id.to_string(),
        kind: row.kind.as_str().to_owned(),
        channel: row.channel.clone(),
        photo_source: row.photo_source.as_str().to_owned(),
        stage: row.stage.as_str().to_owned(),
        submitted_at: row.submitted_at,
        due_at: match row.due {
            Some(Due::At(at)) => Some(at),
            Some(Due::PendingCalendar) | None => None,
        },
        pending_calendar: row.due == Some(Due::PendingCalendar),
        decided_at: row.decided_at,
        reasons: row
            .reasons
            .as_deref()
            .map(stored_reasons)
            .unwrap_or_default(),
        e_licence: row.e_licence.as_ref().map(ToString::to_string),
        progress: None,
    }
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

fn stored_reasons(json: &str) -> Vec<ReasonView> {
    serde_json::from_str(json)
        .map(|stored: StoredReasons| stored.reasons)
        .unwrap_or_default()
}

/// Whether stored reasons are those of a reviewer, not of the registry at issue.
pub(crate) fn is_of_a_reviewer(json: &str) -> bool {
    let reasons = stored_reasons(json);
    reasons
        .iter()
        .any(|reason| reviewers_reason(&reason.code).is_some())
}

/// A reviewer's reason: a photo rule that was not met (`R56` to `R74`), or `identity`.
pub(crate) fn reviewers_reason(code: &str) -> Option<ReasonView> {
    let (rule, zh, en) = if code == "identity" {
        (None, "身份未能确认", "Identity was not established")
    } else {
        let (rule, zh, en) = PHOTO_RULES.iter().find(|(rule, ..)| *rule == code)?;
        (Some((*rule).to_owned()), *zh, *en)
    };
    Some(ReasonView {
        code: code.to_owned(),
        rule,
        field: None,
        zh: zh.to_owned(),
        en: en.to_owned(),
        clears_zh: Some("重新拍照或到窗口咨询".to_owned()),
        clears_en: Some("Take a new photo or ask at the counter".to_owned()),
    })
}

/// The photo rules a reviewer can name, as a person reads them when they were not met.
const PHOTO_RULES: [(&str, &str, &str); 19] = [
    ("R56", "背景不是白色", "The background is not white"),
    ("R57", "光线不均匀", "The light is uneven"),
    (
        "R58",
        "坐姿不端正或双肩不平",
        "The posture is not upright or the shoulders not level",
    ),
    (
        "R59",
        "表情不自然或未正视镜头",
        "The expression is unnatural or the gaze not at the lens",
    ),
    ("R60", "未着深色服装", "The clothes are not dark"),
    ("R61", "未免冠", "The head is covered"),
    ("R62", "头发遮挡面部或耳朵", "Hair covers face or ears"),
    ("R63", "头发凌乱或蓬松", "The hair is messy or fluffy"),
    ("R64", "妆容过浓", "The make-up is heavy"),
    ("R65", "穿着制式服装", "A uniform is worn"),
    (
        "R66",
        "佩戴口罩、墨镜、帽子、围巾或饰品",
        "A mask, sunglasses, hat, scarf or accessory is worn",
    ),
    (
        "R67",
        "衣冠不整或过于暴露",
        "The clothes are dishevelled or over-revealing",
    ),
    (
        "R68",
        "姿势夸张、有手势或闭眼",
        "The pose is exaggerated, a hand gesture shows, or the eyes are closed",
    ),
    (
        "R69",
        "含有违背公序良俗的标志或文字",
        "Signs or text against public morals",
    ),
    (
        "R70",
        "含有违反法律法规的内容",
        "Content that breaks the law",
    ),
    (
        "R71",
        "不是 6 个月内的近照",
        "The photo is older than 6 months",
    ),
    (
        "R72",
        "面部特征经过技术处理",
        "Facial features were processed",
    ),
    ("R73", "照片为合成", "The photo is a composite"),
    ("R74", "修图过度", "The photo is retouched too much"),
];

pub(crate) fn case_view(case: &ReviewCase, now: Timestamp) -> CaseView {
    let held = case.lease_until.is_some_and(|until| now < until);
    CaseView {
        application: case.application.to_string(),
        office: case.office.clone(),
        submitted_at: case.submitted_at,
        due_at: case.due_at,
        overdue: case.due_at.is_some_and(|due| due < now),
        claimed_by: case.claimed_by.clone().filter(|_| held),
        lease_until: case.lease_until.filter(|_| held),
    }
}

pub(crate) fn note_view(note: &Note) -> ReasonView {
    ReasonView {
        code: note.code.to_owned(),
        rule: None,
        field: None,
        zh: note.text.zh.to_string(),
        en: note.text.en.to_string(),
        clears_zh: None,
        clears_en: None,
    }
}

pub(crate) fn notification_view(row: &Notification, texts: &[TextRow]) -> NotificationView {
    let (zh, en) = match row.kind.as_str() {
        "e-licence-issued" => (
            "电子驾驶证申领成功，已可出示",
            "Your electronic driving licence has been issued and can be shown",
        ),
        "e-licence-superseded" => (
            "驾驶证信息已变更，电子驾驶证已失效，请重新申领 (R88-R90)",
            "Your driving licence changed: the electronic one is superseded, please apply again (R88-R90)",
        ),
        "status-changed" => (
            "驾驶证状态已变更，请打开电子驾驶证查看",
            "The status of your driving licence changed: open the electronic licence to see it",
        ),
        "application-rejected" => (
            "申请未通过审核，请打开申请查看原因",
            "Your application was rejected: open it to see why",
        ),
        "issue-refused" => (
            "审核已通过，但登记信息不允许核发，请打开申请查看原因",
            "Your application was approved, but the registry blocks the issue: open it to see why",
        ),
        "issue-blocked" => (
            "登记信息不允许核发，请打开申请查看原因",
            "The registry blocks the issue: open your application to see why",
        ),
        "binding-revoked" => (
            "设备绑定已解除，该设备的二维码已失效",
            "The binding of your device was ended: its codes are void",
        ),
        kind => account_words(kind),
    };
    NotificationView {
        id: row.id.to_string(),
        kind: row.kind.clone(),
        zh: zh.to_owned(),
        en: en.to_owned(),
        created_at: row.created_at,
        deliveries: deliveries(row, texts),
    }
}

/// What the inbox says of the account. The texts say it too, with a link (`notify`).
fn account_words(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "account-activated" => (
            "账号已激活。如非本人操作，请立即冻结账号",
            "Your account was activated. If this was not you, freeze it now",
        ),
        "account-recovered" => (
            "账号密码已重设，其他设备均已退出。如非本人操作，请立即冻结账号",
            "The password was set anew and every other device signed out. If this was not you, freeze the account now",
        ),
        "device-added" => (
            "账号已添加新设备。如非本人操作，请立即冻结账号",
            "A new device was added to your account. If this was not you, freeze it now",
        ),
        "device-refused" => (
            "有人在陌生设备上输入了正确的密码，登录已被拒绝。如非本人操作，请修改密码",
            "Somebody entered the right password on an unknown device and was refused. If this was not you, change the password",
        ),
        "contact-changed" => (
            "登记的手机号已变更，72 小时内不能用短信验证码激活。如非本人办理，请立即冻结账号",
            "The registered phone number changed; for 72 hours no code by phone activates the account. If this was not you, freeze it now",
        ),
        "device-replaced" => (
            "电子驾驶证已改由另一台设备出示，原设备的二维码已失效。如非本人操作，请立即冻结账号",
            "Your licence is now shown by another device; the codes of the one before are void. If this was not you, freeze the account now",
        ),
        "sanctioned" => (
            "因恶意或者违法使用，电子驾驶证的 App 申领和使用已停止 (R75)。请查看原因，可在此申诉；也可到发证地车辆管理所窗口办理",
            "Applying in the app and your electronic licence were stopped after malicious or illegal use (R75). Read why, and appeal here; the counter of the issuing office stays open",
        ),
        "sanction-lifted" => (
            "停止申领和使用电子驾驶证的处置已解除",
            "The sanction on your electronic licence was lifted",
        ),
        "appeal-dismissed" => (
            "您对停止申领使用的申诉已处理：处置维持不变",
            "Your appeal against the sanction was decided: the sanction stays",
        ),
        "account-frozen" => ("账号曾被冻结", "Your account was frozen"),
        "account-unfrozen" => ("账号已在窗口解冻", "Your account was unfrozen at a counter"),
        "password-changed" => (
            "密码已修改，其他会话均已退出。如非本人操作，请立即冻结账号",
            "The password was changed and every other session ended. If this was not you, freeze the account now",
        ),
        _ => ("您有一条新消息", "You have a new message"),
    }
}

/// How a message reached its holder: the inbox always, a text where its kind goes by one.
fn deliveries(row: &Notification, texts: &[TextRow]) -> Vec<ChannelView> {
    let of_channel = |channel: &str, state: &str, attempts, at| ChannelView {
        channel: channel.to_owned(),
        state: state.to_owned(),
        attempts,
        at,
        to_ends: None,
    };
    let read = row.read_at.map(|at| of_channel("inbox", "read", 1, at));
    let delivered = || of_channel("inbox", "delivered", 1, row.created_at);
    let mut channels = vec![read.unwrap_or_else(delivered)];
    let sent = texts
        .iter()
        .filter(|text| text.notification.as_ref() == Some(&row.id));
    channels.extend(sent.map(|text| ChannelView {
        to_ends: Some(last_two(&text.to)),
        ..of_channel("text", text.state.as_str(), text.attempts, text.settled_at)
    }));
    if channels.len() == 1 && TextKind::parse(&row.kind).is_some() {
        channels.push(of_channel("text", "no-channel", 0, row.created_at));
    }
    channels
}

fn last_two(phone: &str) -> String {
    let behind = phone.chars().count().saturating_sub(2);
    phone.chars().skip(behind).collect()
}
