//! Applications that drivers make themselves (R35-R54), each move guarded by the stage in SQL.

use jiff::Timestamp;
use licence::{
    Due,
    application::{Kind, PhotoOrigin},
};

use crate::{
    ApplicationId, Conflict, ELicenceId, Locked, PhotoId, Store, StoreError, Tx,
    applications::{due_columns, expect_one},
    error::unique,
    rows::Columns,
};

/// An application that a driver begins.
#[derive(Clone, Debug)]
pub struct NewDraft {
    /// Which.
    pub id: ApplicationId,
    /// What for.
    pub kind: Kind,
    /// Where the photo is to come from.
    pub photo_source: PhotoOrigin,
    /// The office whose queue would review it.
    pub office: String,
    /// The photo on file, where it is to be used.
    pub photo: Option<PhotoId>,
    /// When.
    pub created_at: Timestamp,
}

impl Store {
    /// Applications begun before `before` that were never submitted, of all partitions.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn unsubmitted_before(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<ApplicationId>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id FROM applications WHERE stage IN ('draft', 'photo-submitted', 'person-verified') \
             AND created_at < $1 ORDER BY created_at LIMIT $2",
        )
        .bind(before.as_microsecond())
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let table = "applications";
                Columns { table, row }.parsed("id", ApplicationId::parse)
            })
            .collect()
    }
}

impl Tx {
    /// Adds a driver's own application, in draft.
    ///
    /// # Errors
    /// [`Conflict::OpenApplication`] when the driver has one.
    pub async fn insert_draft(
        &mut self,
        locked: &Locked,
        new: &NewDraft,
    ) -> Result<(), StoreError> {
        self.expect_own("applications", new.id.partition())?;
        sqlx::query(
            "INSERT INTO applications (partition, id, holder_id, kind, channel, photo_source, office, stage, photo_id, \
             created_at) VALUES ($1, $2, $3, $4, 'app', $5, $6, 'draft', $7, $8)",
        )
        .bind(self.partition().sql())
        .bind(new.id.as_str())
        .bind(locked.holder().as_str())
        .bind(new.kind.as_str())
        .bind(new.photo_source.as_str())
        .bind(new.office.as_str())
        .bind(new.photo.as_ref().map(PhotoId::as_str))
        .bind(new.created_at.as_microsecond())
        .execute(self.connection())
        .await
        .map_err(unique(Conflict::OpenApplication))?;
        Ok(())
    }

    /// The applicant read the photo rules of `version`.
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when a photo was submitted already.
    pub async fn note_rules_read(
        &mut self,
        locked: &Locked,
        id: &ApplicationId,
        version: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE applications SET rules_version = $4, rules_read_at = $5 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage IN ('draft', 'photo-submitted')",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(version)
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        expect_one(moved)
    }

    /// Draft or photo submitted -> photo submitted, with another photo than before: what was confirmed
    /// was the one before, and is to be confirmed anew.
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when it has gone on.
    pub async fn submit_photo(
        &mut self,
        locked: &Locked,
        id: &ApplicationId,
        photo: &PhotoId,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE applications SET stage = 'photo-submitted', photo_id = $4, confirmed_at = NULL \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage IN ('draft', 'photo-submitted') \
             AND photo_source IN ('camera', 'album')",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(photo.as_str())
        .execute(self.connection())
        .await?
        .rows_affected();
        expect_one(moved)
    }

    /// The applicant confirmed the information, and that this photo is to be used.
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when it has gone on, or has another photo now.
    pub async fn confirm_application(
        &mut self,
        locked: &Locked,
        (id, photo): (&ApplicationId, &PhotoId),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE applications SET confirmed_at = $5 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND photo_id = $4 \
             AND stage IN ('draft', 'photo-submitted')",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(photo.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        expect_one(moved)
    }

    /// Confirmed, with the photo on file in draft or with a submitted one -> person verified.
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when it is in another state, or has another photo than the
    /// person was compared with.
    pub async fn verify_person(
        &mut self,
        locked: &Locked,
        (id, photo): (&ApplicationId, &PhotoId),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE applications SET stage = 'person-verified', verified_at = $5 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND photo_id = $4 AND confirmed_at IS NOT NULL \
             AND (stage = 'photo-submitted' OR stage = 'draft' AND photo_source = 'on-file')",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(photo.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        expect_one(moved)
    }

    /// Person verified -> under review, due then.
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when it is in another state.
    pub async fn submit_for_review(
        &mut self,
        locked: &Locked,
        id: &ApplicationId,
        due: Due,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (due, due_at) = due_columns(due);
        let moved = sqlx::query(
            "UPDATE applications SET stage = 'under-review', submitted_by = $3, submitted_at = $4, due = $5, due_at = $6 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage = 'person-verified'",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(now.as_microsecond())
        .bind(due)
        .bind(due_at)
        .execute(self.connection())
        .await?
        .rows_affected();
        expect_one(moved)
    }

    /// Person verified with the photo on file -> issued, without a review (R36).
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when it is in another state.
    pub async fn mark_issued_unreviewed(
        &mut self,
        locked: &Locked,
        id: &ApplicationId,
        e_licence: &ELicenceId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE applications SET stage = 'issued', e_licence_id = $4, submitted_by = $3, submitted_at = $5 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage = 'person-verified' AND photo_source = 'on-file'",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(e_licence.as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        expect_one(moved)
    }

    /// Any open stage -> withdrawn.
    ///
    /// # Errors
    /// [`Conflict::ApplicationState`] when it is open no more.
    pub async fn withdraw_application(
        &mut self,
        locked: &Locked,
        id: &ApplicationId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moved = sqlx::query(
            "UPDATE applications SET stage = 'withdrawn', withdrawn_at = $4 \
             WHERE partition = $1 AND id = $2 AND holder_id = $3 AND stage NOT IN ('issued', 'rejected', 'withdrawn')",
        )
        .bind(self.partition().sql())
        .bind(id.as_str())
        .bind(locked.holder().as_str())
        .bind(now.as_microsecond())
        .execute(self.connection())
        .await?
        .rows_affected();
        expect_one(moved)
    }
}
