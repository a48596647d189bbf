//! Presenting: the numeric code, for one use within seconds (R14, R18), and what the bound device
//! makes its own codes of.

mod material;

use credential::NumericCode;
use jiff::SignedDuration;
use storage::{Conflict, CurrentELicence, Driver, NumericCodeRow, StoreError};
use zeroize::Zeroizing;

use crate::{
    Act, Authority, Error, refusal, symbol,
    views::{CodeKind, CodeView, MakeCode, NumericCodeView},
};

/// How long a numeric code works. A screenshot sent on is worth nothing after it; a longer window
/// gives whoever looked over a shoulder time to use the code elsewhere.
const CODE_LASTS: SignedDuration = SignedDuration::from_secs(60);
/// The same where the code is read aloud, digit by digit.
const READ_ALOUD_LASTS: SignedDuration = SignedDuration::from_secs(120);
/// Draws before giving up: two living codes of a partition meet once in 10^12.
const DRAWS: u8 = 4;

impl Authority {
    /// Makes a code of the driver's e-licence, or what the bound device makes one of.
    ///
    /// # Errors
    /// When there is no e-licence to show; [`refusal::NOT_BOUND`] or [`refusal::OTHER_DEVICE`] where
    /// the code is another device's to make.
    pub async fn make_code(&self, act: &mut Act, request: MakeCode) -> Result<CodeView, Error> {
        let (mut driver, mut current) = self.own_shown(act).await?;
        if driver.frozen_at.is_some() {
            return Err(refusal::ALREADY_FROZEN.into());
        }
        if self.renew_on_contact(act, &driver, &current).await? {
            (driver, current) = self.own_shown(act).await?;
        }
        let status = self.status_with(act, &driver, &current.e_licence, Some(&current));
        let colour = status.shown;
        Ok(match request.kind {
            CodeKind::Numeric => {
                let own = (&driver, &current);
                let code = self.numeric_code(act, own, request.read_aloud, colour);
                CodeView::Numeric(code.await?)
            }
            CodeKind::Dynamic => {
                let own = (&driver, &current);
                CodeView::Dynamic(self.dynamic_material(act, own, colour).await?)
            }
            CodeKind::Offline => CodeView::Offline(self.offline_material(act, colour).await?),
        })
    }

    async fn numeric_code(
        &self,
        act: &mut Act,
        (driver, current): (&Driver, &CurrentELicence),
        read_aloud: bool,
        colour: String,
    ) -> Result<NumericCodeView, Error> {
        let lasts = if read_aloud {
            READ_ALOUD_LASTS
        } else {
            CODE_LASTS
        };
        let expires_at = act.now.saturating_add(lasts).unwrap_or(act.now);
        let partition = driver.id.partition();
        let number = u8::try_from(partition.number())
            .map_err(|_out_of_range| Error::Internal("a holder lies in no holders' partition"))?;
        let mut draws = 0;
        let code = loop {
            let code = NumericCode::generate(number, &mut act.rng);
            let row = NumericCodeRow {
                code: self.numeric_blind(&code),
                holder: driver.id.clone(),
                e_licence: current.e_licence.id.clone(),
                made_at: act.now,
                expires_at,
            };
            let mut tx = self.store().begin_in(partition).await?;
            match tx.insert_numeric_code(&row).await {
                Err(StoreError::Conflict(Conflict::Request)) if draws < DRAWS => draws += 1,
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    let entry = act
                        .entry("code.made")
                        .about(&driver.id)
                        .with("kind", "numeric")
                        .with("e-licence", current.e_licence.id.as_str())
                        .with("until", expires_at.to_string());
                    tx.commit(entry, Vec::new()).await?;
                    break code;
                }
            }
        };
        let digits = Zeroizing::new(code.digits());
        Ok(NumericCodeView {
            code: digits.to_string(),
            grouped: code.to_string(),
            expires_at,
            code128_svg: symbol::code128(&digits)?,
            qr_svg: symbol::qr(&digits, &colour)?,
            colour,
        })
    }

    pub(crate) fn numeric_blind(&self, code: &NumericCode) -> storage::Blind {
        let digits = Zeroizing::new(code.digits());
        self.store().blind("numeric-code", digits.as_bytes())
    }
}
