//! Numeric codes: typed or scanned, each good once.

use std::collections::BTreeMap;

use credential::NumericCode;
use jiff::SignedDuration;
use rand::{SeedableRng as _, rngs::StdRng};
use storage::{NumericCodeRow, Partition, audit::Entry};

use crate::{
    figure::Failed,
    platform::{Licensed, NOW, Platform},
};

/// The still clock never reaches the end of a code.
const CODES_LAST: SignedDuration = SignedDuration::from_hours(1);

/// Codes as the holders' app makes them, many in a transaction: making them is not measured.
pub(crate) async fn codes(
    platform: &Platform,
    licensed: &[Licensed],
    count: usize,
) -> Result<Vec<String>, Failed> {
    let store = platform.authority().store();
    let mut rng = StdRng::seed_from_u64(77);
    let mut codes = Vec::with_capacity(count);
    let mut rows: BTreeMap<Partition, Vec<NumericCodeRow>> = BTreeMap::new();
    for licensed in licensed.iter().cycle().take(count) {
        let partition = licensed.holder.partition();
        let code = NumericCode::generate(u8::try_from(partition.number())?, &mut rng);
        rows.entry(partition).or_default().push(NumericCodeRow {
            code: store.blind("numeric-code", code.digits().as_bytes()),
            holder: licensed.holder.clone(),
            e_licence: licensed.current.e_licence.id.clone(),
            made_at: NOW,
            expires_at: NOW.saturating_add(CODES_LAST)?,
        });
        codes.push(code.digits());
    }
    for (partition, rows) in rows {
        let mut tx = store.begin_in(partition).await?;
        for row in &rows {
            tx.insert_numeric_code(row).await?;
        }
        let entry = Entry::new(NOW, "code.made", "system:bench", "bench");
        tx.commit(entry, Vec::new()).await?;
    }
    Ok(codes)
}
