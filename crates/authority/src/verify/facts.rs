//! Facts of an answer that follow from the record and the role.

use jiff::civil::Date;
use licence::{ClassCode, StatusValue, effective, entitles};
use storage::Driver;

use crate::{
    Role, StaffActor,
    authentic::plain,
    render::{file_number, valid_until},
    views::{EntitledFact, Measure, PaperFact, ReasonView, StatusView, VerifiedLicence},
};

/// Whether the record lets the driver drive `class` on `on`: the class is covered and the status of
/// that day is valid.
pub(super) fn entitled(driver: &Driver, class: &ClassCode, on: Date) -> EntitledFact {
    let record = &driver.record;
    let mut reasons: Vec<ReasonView> = Vec::new();
    if !entitles(&record.classes, class) {
        reasons.push(plain(
            "class-not-covered",
            "准驾车型不包含所驾车辆",
            "The classes held do not cover the vehicle",
        ));
    }
    if on < record.valid_from {
        reasons.push(plain(
            "not-yet-valid",
            "该日尚未到有效起始日期",
            "The licence is not valid yet on that day",
        ));
    }
    let that_day = effective(record, on);
    if that_day.value != StatusValue::Valid {
        reasons.extend(that_day.reasons.iter().map(ReasonView::from));
    }
    EntitledFact {
        class: class.as_str().to_owned(),
        on,
        outcome: if reasons.is_empty() { "yes" } else { "no" }.to_owned(),
        reasons,
    }
}

/// R78, R81: paper is asked for only where the licence itself must be withheld.
pub(super) fn paper(measure: Option<Measure>, status: &StatusView) -> PaperFact {
    match measure {
        Some(Measure::WithholdLicence) => PaperFact {
            required: true,
            reason: Some(ReasonView {
                rule: Some("R81".to_owned()),
                ..plain(
                    "withhold-licence",
                    "需要扣留驾驶证，应当出示纸质驾驶证",
                    "The licence itself must be withheld: the paper licence is required",
                )
            }),
        },
        Some(Measure::None) | None => PaperFact {
            required: false,
            reason: (status.shown == "hidden").then(|| {
                plain(
                    "not-shown",
                    "电子驾驶证当前不出示，请在线核查驾驶人信息",
                    "The e-licence is not shown now: check the driver online",
                )
            }),
        },
    }
}

/// What a role may see: address and points belong to the police.
pub(super) fn visible(actor: &StaffActor, driver: &Driver) -> VerifiedLicence {
    let record = &driver.record;
    let police = actor.has(Role::Police);
    VerifiedLicence {
        licence_number: record.licence_number.as_str().to_owned(),
        name: record.name.clone(),
        sex: record.sex.as_str().to_owned(),
        birth_date: record.birth_date,
        classes: record
            .classes
            .iter()
            .map(|class| class.as_str().to_owned())
            .collect(),
        valid_from: record.valid_from,
        valid_until: valid_until(record.valid_until),
        issuing_authority: record.issuing_authority.name.clone(),
        file_number: file_number(record),
        points: police.then_some(record.points),
        address: record.address.clone().filter(|_| police),
    }
}
