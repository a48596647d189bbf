//! The codes as QR symbols: how large they are, how long drawing one takes, and how many of a set of
//! hard pictures two decoders read.

mod pictures;

use std::time::Duration;

use credential::{
    Code, CredentialId, DeviceKey, DynamicCode, Form, Handle, MaskedNumber, NumericDate,
    OfflineCode, ProfileClaims, Signer as _, SoftwareSigner, Stamp, StatusPlace, Suite, Validity,
    code, profile,
};
use fast_qr::{ECL, Mode, QRBuilder};
use jiff::{Timestamp, civil::date};
use zeroize::Zeroizing;

use self::pictures::{Decoder, Picture};
use crate::{
    figure::{Failed, Rounds, note, rate_of},
    group::Extent,
};

const ROUNDS: u32 = 3;

pub(crate) fn run(extent: Extent) -> Result<(), Failed> {
    note("codes: level M, alphanumeric; drawing by fast_qr, ms of one core's own time");
    note("decoded: share of pictures read, 4 pixels a module and fewer, turned, blurred or shrunk");
    let turn = match extent {
        Extent::Quick => Duration::from_millis(100),
        Extent::Full => Duration::from_secs(1),
    };
    for (name, text) in codes()? {
        measure(name, &text, turn, extent)?;
    }
    Ok(())
}

fn measure(name: &str, text: &str, turn: Duration, extent: Extent) -> Result<(), Failed> {
    let build = || {
        let builder = &mut QRBuilder::new(text);
        builder.mode(Mode::Alphanumeric).ecl(ECL::M).build()
    };
    let symbol = build().map_err(|_too_long| Failed::new("the code fits no symbol"))?;
    let version = code::qr_version(text.len()).ok_or_else(|| Failed::new("too large a code"))?;
    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        let drawn = rate_of(turn, || build().is_ok())?;
        rounds.add("drawing", 1000.0 / drawn);
    }
    let bytes = u32::try_from((text.len() - code::PREFIX.len()) * 2 / 3).unwrap_or(u32::MAX);
    rounds.add("bytes", f64::from(bytes));
    rounds.add("version", f64::from(version));
    for picture in Picture::hard(&symbol, extent) {
        for decoder in Decoder::ALL {
            let read = decoder.read(&picture).as_deref() == Some(text);
            rounds.add(decoder.name(), if read { 100.0 } else { 0.0 });
        }
    }
    rounds.tell_as(name, "drawing", "ms", &[])?;
    rounds.tell_as(&format!("{name}-bytes"), "bytes", "B", &[])?;
    rounds.tell_as(&format!("{name}-version"), "version", "QR", &[])?;
    let shares = rounds.means(&[Decoder::Rxing.name(), Decoder::Rqrr.name()]);
    shares.tell_as(
        &format!("{name}-decoded"),
        Decoder::Rxing.name(),
        "%",
        &[Decoder::Rqrr.name()],
    )
}

/// A code of each kind, by keys that are nobody's.
fn codes() -> Result<[(&'static str, String); 3], Failed> {
    let sm2 = Suite::sm2();
    let device = signer(&Suite::Es256)?;
    let now = NumericDate::floor(Timestamp::from_second(1_800_000_000)?);
    let handle = Handle::from_bytes([0x3a; 16]);
    let signature = device.sign(&code::dynamic_to_be_signed(&handle, now))?;
    let dynamic = DynamicCode {
        handle,
        time: now,
        signature,
    };
    let id = CredentialId::from_bytes([0x4f; 16]);
    let claims = |portrait: Option<&[u8]>| {
        Ok::<_, Failed>(ProfileClaims {
            credential_id: id,
            issued_at: now,
            not_before: now,
            expires_at: NumericDate::floor(Timestamp::from_second(1_831_536_000)?),
            name: "测试甲".to_owned(),
            masked_number: MaskedNumber::of("510199199001019917"),
            classes: vec!["C1".to_owned(), "D".to_owned()],
            valid_from: date(2026, 5, 4),
            valid_until: Validity::Until(date(2036, 5, 4)),
            authority_code: "5101".to_owned(),
            status: StatusPlace {
                list: 550,
                index: 1_048_575,
            },
            device_key: DeviceKey::from_sec1(&device.public_key().to_sec1())?,
            form: Form::Public {
                portrait_sha256: portrait.map(code::sha256),
            },
        })
    };
    let offline = |portrait: Option<&[u8]>, claims: &ProfileClaims| {
        let profile = profile::issue(claims, &signer(&sm2)?)?;
        let stamp = Stamp::sign(&signer(&sm2)?, &id, now)?;
        let message = code::offline_to_be_signed(&profile, now, now, portrait);
        Ok::<_, Failed>(OfflineCode {
            signature: device.sign(&message)?,
            portrait: portrait.map(<[u8]>::to_vec),
            profile,
            stamp,
            time: now,
        })
    };
    // As long as a face in WebP that is made for the purpose: bytes that do not compress.
    let portrait: Vec<u8> = (0..9_u8)
        .flat_map(|n| code::sha256(&[n; 2]).repeat(2))
        .collect();
    let bare = offline(None, &claims(Some(&portrait))?)?;
    let with_portrait = offline(Some(&portrait), &claims(Some(&portrait))?)?;
    Ok([
        ("code-dynamic", Code::Dynamic(dynamic).to_text()),
        ("code-offline", Code::Offline(bare).to_text()),
        (
            "code-offline-portrait",
            Code::Offline(with_portrait).to_text(),
        ),
    ])
}

fn signer(suite: &Suite) -> Result<SoftwareSigner, Failed> {
    Ok(SoftwareSigner::from_secret(
        suite,
        Zeroizing::new([0x11; 32]),
    )?)
}
