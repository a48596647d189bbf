//! The in-app inbox, and the browsers that are told what it says.

use jiff::Timestamp;

use crate::{HolderId, NotificationId, Store, StoreError, Tx, rows::Columns};

/// A message: its kind and parameters; the text is made when it is read.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Which.
    pub id: NotificationId,
    /// For whom.
    pub holder: HolderId,
    /// Stable kind, e.g. `e-licence-issued`.
    pub kind: String,
    /// JSON of codes, dates and identifiers; no personal data.
    pub params: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was read.
    pub read_at: Option<Timestamp>,
}

impl Store {
    /// The newest messages of a holder.
    ///
    /// # Errors
    /// When the database cannot be reached or a row does not follow its rule.
    pub async fn notifications_of(
        &self,
        holder: &HolderId,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        let mut connection = self.reader().await?;
        let rows = sqlx::query(
            "SELECT id, kind, params, created_at, read_at FROM notifications \
             WHERE partition = $1 AND holder_id = $2 ORDER BY created_at DESC, id LIMIT $3",
        )
        .bind(holder.partition().sql())
        .bind(holder.as_str())
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
        rows.iter()
            .map(|row| {
                let row = Columns {
                    table: "notifications",
                    row,
                };
                Ok(Notification {
                    id: row.parsed("id", NotificationId::parse)?,
                    holder: holder.clone(),
                    kind: row.text("kind")?,
                    params: row.text("params")?,
                    created_at: row.instant("created_at")?,
                    read_at: row.opt_instant("read_at")?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Puts a message into the inbox, and queues it for every browser of its holder that is told.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_notification(&mut self, message: &Notification) -> Result<(), StoreError> {
        self.expect_own("notifications", message.holder.partition())?;
        sqlx::query(
            "INSERT INTO notifications (partition, id, holder_id, kind, params, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.partition().sql())
        .bind(message.id.as_str())
        .bind(message.holder.as_str())
        .bind(message.kind.as_str())
        .bind(message.params.as_str())
        .bind(message.created_at.as_microsecond())
        .execute(self.connection())
        .await?;
        self.queue_pushes(message).await
    }
}
