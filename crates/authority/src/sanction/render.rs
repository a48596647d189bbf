//! From stored sanctions to the views of them.

use licence::sanction::{Appeal, EvidenceItem, Ground, Stage};
use storage::{Driver, SanctionRow, SanctionStep};

use crate::{
    Authority, Error,
    render::record_view,
    views::{
        EvidenceKind, EvidenceView, HolderSanctionView, ReasonView, SanctionRowView,
        SanctionStepView, SanctionView,
    },
};

impl Authority {
    pub(super) async fn sanction_view(
        &self,
        row: &SanctionRow,
        driver: &Driver,
    ) -> Result<SanctionView, Error> {
        let steps = self.store().sanction_steps(&row.id).await?;
        Ok(SanctionView {
            sanction: row_view(row),
            record: record_view(&driver.record),
            grounds: reasons(row, false),
            evidence: row.evidence.as_slice().iter().map(evidence_view).collect(),
            e_licence: row.e_licence.as_ref().map(ToString::to_string),
            steps: steps.iter().map(step_view).collect(),
        })
    }
}

pub(super) fn row_view(row: &SanctionRow) -> SanctionRowView {
    let grounds = row.grounds.as_slice().iter();
    SanctionRowView {
        id: row.id.to_string(),
        stage: row.stage.as_str().to_owned(),
        grounds: grounds.map(|ground| ground.as_str().to_owned()).collect(),
        proposed_by: row.proposed_by.clone(),
        proposed_at: row.proposed_at,
        decided_by: row.decided_by.clone(),
        decided_at: row.decided_at,
        lift_by: row.lift_by.clone(),
        lift_at: row.lift_at,
        lifted_by: row.lifted_by.clone(),
        lifted_at: row.lifted_at,
        appeal: row.appeal.as_str().to_owned(),
    }
}

/// What the driver reads; nothing of a proposal that is not, or never was, in force.
pub(super) fn holder_view(row: &SanctionRow, driver: &Driver) -> Option<HolderSanctionView> {
    let stage = match row.stage {
        Stage::InForce | Stage::LiftProposed => "in-force",
        Stage::Lifted => "lifted",
        Stage::Proposed | Stage::Declined => return None,
    };
    Some(HolderSanctionView {
        id: row.id.to_string(),
        stage: stage.to_owned(),
        grounds: reasons(row, row.stage.in_force()),
        since: row.decided_at,
        until: row.lifted_at,
        contact: driver.record.issuing_authority.name.clone(),
        appeal: row.appeal.as_str().to_owned(),
        may_appeal: row.stage.in_force() && row.appeal != Appeal::Open,
    })
}

/// The grounds in words; `clears` adds what the driver can do.
fn reasons(row: &SanctionRow, clears: bool) -> Vec<ReasonView> {
    let grounds = row.grounds.as_slice().iter();
    let clears = |text: &str| clears.then(|| text.to_owned());
    grounds
        .map(|ground: &Ground| ReasonView {
            code: ground.as_str().to_owned(),
            rule: Some(ground.rule().to_owned()),
            field: None,
            zh: ground.text().zh.to_owned(),
            en: ground.text().en.to_owned(),
            clears_zh: clears("可申诉；也可到发证地车辆管理所窗口办理"),
            clears_en: clears(
                "Appeal, or go to the counter of the issuing vehicle administration office",
            ),
        })
        .collect()
}

pub(super) fn evidence_view(item: &EvidenceItem) -> EvidenceView {
    let (kind, id) = match item {
        EvidenceItem::Application(id) => (EvidenceKind::Application, id),
        EvidenceItem::Photo(id) => (EvidenceKind::Photo, id),
        EvidenceItem::PersonCheck(id) => (EvidenceKind::PersonCheck, id),
        EvidenceItem::Verification(id) => (EvidenceKind::Verification, id),
    };
    EvidenceView {
        kind,
        id: id.clone(),
    }
}

pub(super) fn step_view(step: &SanctionStep) -> SanctionStepView {
    SanctionStepView {
        step: step.kind.as_str().to_owned(),
        by: step.actor.clone(),
        at: step.at,
        statement: step.statement.as_ref().map(|text| text.to_string()),
    }
}
