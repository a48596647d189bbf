//! The application's photo beside the photo on file, compared by both matchers (SC-33).

use serde::{Deserialize, Serialize};
use storage::{ApplicationRow, Driver, PhotoComparisonRow};

use crate::{Act, Authority, Error, views::ComparisonView};

/// What the matchers say of two people.
const REJECT: &str = "reject";

/// What was measured, as stored.
#[derive(Serialize, Deserialize)]
struct Distances {
    v: u8,
    distance: Option<f64>,
    similarity: Option<f64>,
    without_face: Vec<String>,
}

impl Authority {
    /// The comparison of the application's photo with the photo on file as it is now.
    pub(super) async fn compared(
        &self,
        _act: &mut Act,
        application: &ApplicationRow,
        driver: &Driver,
    ) -> Result<Option<ComparisonView>, Error> {
        let found = self.store().photo_comparison(&application.id).await?;
        let of_these = found.filter(|row| {
            application.photo.as_ref() == Some(&row.photo)
                && driver.photo.as_ref() == Some(&row.other)
        });
        of_these.as_ref().map(comparison_view).transpose()
    }

    /// Whether the matchers say that the application's photo shows another person than the photo on
    /// file.
    pub(super) async fn shows_another(&self, application: &ApplicationRow) -> Result<bool, Error> {
        let found = self.store().photo_comparison(&application.id).await?;
        Ok(found.is_some_and(|row| {
            row.outcome == REJECT && application.photo.as_ref() == Some(&row.photo)
        }))
    }
}

fn comparison_view(row: &PhotoComparisonRow) -> Result<ComparisonView, Error> {
    let distances: Distances = serde_json::from_slice(&row.distances)
        .map_err(|_not_json| Error::Internal("a comparison cannot be read"))?;
    Ok(ComparisonView {
        outcome: row.outcome.clone(),
        distance: distances.distance,
        similarity: distances.similarity,
        without_face: distances.without_face,
        compared_at: row.compared_at,
    })
}
