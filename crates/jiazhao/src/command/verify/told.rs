//! The answer for people: each fact by itself.

use credential::{
    Answer,
    verify::{CodeShown, Summary},
};
use serde_json::json;

pub(super) fn answer(answer: &Answer) -> String {
    let yes = |fact: bool| if fact { "yes" } else { "no" };
    let as_of = answer
        .status_as_of
        .map(|as_of| format!(" (as of {as_of})"))
        .unwrap_or_default();
    let mut lines = vec![
        format!("真实 authentic     {}", yes(answer.authentic)),
        format!("当面 fresh         {}", yes(answer.fresh)),
        format!("状态 status        {}{as_of}", word(&json!(answer.status))),
        format!("本人 person        {}", word(&json!(answer.person))),
    ];
    if let Some(by) = &answer.by {
        let (issuer, suite, key) = (&by.issuer, &by.suite, &by.key_id);
        lines.push(format!("签发 signed by     {issuer} ({suite} {key})"));
    }
    lines.extend(answer.code.iter().flat_map(code));
    lines.extend(answer.licence.iter().flat_map(licence));
    for reason in &answer.reasons {
        lines.push(format!("- {}: {} {}", reason.code, reason.zh, reason.en));
    }
    lines.join("\n")
}

fn code(code: &CodeShown) -> Vec<String> {
    let mut lines = vec![format!("码种 code          {}", word(&json!(code.kind)))];
    let times = [
        ("制码 made at      ", code.made_at),
        ("续期 renewed at   ", code.renewed_at),
    ];
    for (name, time) in times {
        lines.extend(time.map(|time| format!("{name} {time}")));
    }
    lines
}

fn licence(licence: &Summary) -> [String; 5] {
    let until = licence
        .valid_until
        .map_or_else(|| "长期".to_owned(), |date| date.to_string());
    let authority = &licence.authority_code;
    let authority = licence.authority_name.as_ref().unwrap_or(authority);
    [
        format!("姓名 name          {}", licence.name),
        format!("证号 number        {}", licence.licence_number),
        format!("准驾车型 classes   {}", licence.classes.join(" ")),
        format!("有效期限 validity  {} - {until}", licence.valid_from),
        format!("发证机关 authority {authority}"),
    ]
}

fn word(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}
