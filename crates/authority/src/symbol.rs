//! Code128 and QR as SVG: one path of dark modules each, scalable, with the quiet zone of the
//! standard.

use std::fmt::Write as _;

use barcoders::sym::code128::Code128;
use fast_qr::{ECL, QRBuilder};

use crate::Error;

/// Quiet zone of a QR symbol in modules (ISO/IEC 18004).
const QR_QUIET: usize = 4;
/// Quiet zone of Code128 in modules (ISO/IEC 15417).
const BAR_QUIET: usize = 10;
/// Height of the bars in modules; the standard asks for 15 % of the length or more.
const BAR_HEIGHT: usize = 30;

const BLACK: &str = "#000000";
/// Dark enough for a scanner to read, red enough for a person to see.
const RED: &str = "#c00000";

/// A Code128 symbol of digits, in the double-density set C.
pub(crate) fn code128(digits: &str) -> Result<String, Error> {
    let failed = |_| Error::Internal("a barcode could not be made");
    let modules = Code128::new(format!("\u{0106}{digits}"))
        .map_err(failed)?
        .encode();
    let mut path = String::new();
    for (x, module) in modules.iter().enumerate() {
        if *module == 1 {
            bar(&mut path, x + BAR_QUIET, 0, BAR_HEIGHT);
        }
    }
    Ok(svg(modules.len() + 2 * BAR_QUIET, BAR_HEIGHT, BLACK, &path))
}

/// A QR symbol at level M; red where the licence is shown red.
pub(crate) fn qr(text: &str, shown: &str) -> Result<String, Error> {
    let symbol = QRBuilder::new(text)
        .ecl(ECL::M)
        .build()
        .map_err(|_too_long| Error::Internal("a QR symbol could not be made"))?;
    let mut path = String::new();
    let dark = symbol.data.iter().take(symbol.size * symbol.size);
    for (at, module) in dark.enumerate() {
        if module.value() {
            let (x, y) = (at % symbol.size, at / symbol.size);
            bar(&mut path, x + QR_QUIET, y + QR_QUIET, 1);
        }
    }
    let size = symbol.size + 2 * QR_QUIET;
    let colour = if shown == "red" { RED } else { BLACK };
    Ok(svg(size, size, colour, &path))
}

fn bar(path: &mut String, x: usize, y: usize, height: usize) {
    // Writing to a String does not fail.
    write!(path, "M{x} {y}h1v{height}h-1z").unwrap_or_default();
}

fn svg(width: usize, height: usize, colour: &str, path: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#ffffff\" d=\"M0 0h{width}v{height}H0z\"/><path fill=\"{colour}\" d=\"{path}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r18_eighteen_digits_in_set_c_are_134_modules() {
        let svg = code128("770000000000000000").unwrap();
        assert!(svg.contains("viewBox=\"0 0 154 30\""), "{svg}");
    }

    #[test]
    fn r10_a_red_licence_has_a_red_code() {
        assert!(qr("770000000000000000", "red").unwrap().contains(RED));
        assert!(!qr("770000000000000000", "black").unwrap().contains(RED));
    }
}
