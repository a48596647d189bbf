//! Dynamic codes: what a bound device signs, each good once and in the order of their times.

use std::net::Ipv4Addr;

use authority::{
    Act, Actor, Client, ClientKind, HolderId,
    views::{
        Activate, BeginBinding, CodeKind, IdentityCheck, IdentityMethod, MakeActivationCode,
        MakeCode, ProveBinding,
    },
};
use jiazhao::demo::{device::Device, people::Person};
use jiff::SignedDuration;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;

use crate::{
    figure::Failed,
    platform::{self, NOW, Platform},
};

/// Drivers of each figure. The clock stands still, so that each has as many codes as there are
/// seconds in the window of one.
pub(crate) const DRIVERS: u64 = 24;
/// Seconds before and after now at which a code may have been made.
const WINDOW: std::ops::Range<i64> = -58..28;
/// The first address from which drivers activate: 10.0.0.0.
const SOURCES: u32 = 0x0a00_0000;
const PASSWORD: &str = "correct horse battery staple";

/// Codes of bound devices, those of one device in the order of their times and devices in turn: a
/// code that is older than the last one shown is refused.
pub(crate) async fn codes(platform: &Platform, from: u64) -> Result<Vec<String>, Failed> {
    let people = platform::people(from, DRIVERS)?;
    let holders = platform.licensed_from(from, DRIVERS).await?;
    let mut rng = StdRng::seed_from_u64(from);
    let mut bound = Vec::new();
    for (person, licensed) in people.iter().zip(&holders) {
        bound.push(bind(platform, person, &licensed.holder, &mut rng).await?);
    }
    let mut codes = Vec::new();
    for second in WINDOW {
        let at = NOW.saturating_add(SignedDuration::from_secs(second))?;
        for (device, material) in &bound {
            let code = device.dynamic(material, at);
            codes.push(code.ok_or_else(|| Failed::new("a device signs no code"))?);
        }
    }
    Ok(codes)
}

/// Activates a driver's account on a device and binds that; answers what its codes are made of.
async fn bind(
    platform: &Platform,
    person: &Person,
    holder: &HolderId,
    rng: &mut StdRng,
) -> Result<(Device, Value), Failed> {
    let authority = platform.authority();
    let mut act = activated(platform, person).await?;
    if act.holder()? != holder {
        return Err(Failed::new("somebody else was activated"));
    }
    let device = Device::new(rng).ok_or_else(|| Failed::new("no key for a device"))?;
    let request = BeginBinding {
        device_key: device.key(),
    };
    let challenge = serde_json::to_value(authority.begin_binding(&mut act, request).await?)?;
    let (Some(proof), Some(id)) = (device.proof(&challenge), challenge["id"].as_str()) else {
        return Err(Failed::new("a device proves nothing"));
    };
    let proof = proof["signature"].as_str().unwrap_or_default().to_owned();
    let proof = ProveBinding { signature: proof };
    authority.prove_binding(&mut act, id, proof).await?;
    let wanted = MakeCode {
        kind: CodeKind::Dynamic,
        read_aloud: false,
    };
    let material = authority.make_code(&mut act, wanted).await?;
    Ok((device, serde_json::to_value(material)?))
}

/// The driver, signed in on a new device.
async fn activated(platform: &Platform, person: &Person) -> Result<Act, Failed> {
    let authority = platform.authority();
    let request = MakeActivationCode {
        licence_number: person.licence_number().to_owned(),
        identity: IdentityCheck {
            method: IdentityMethod::IdCardReader,
            note: String::new(),
        },
    };
    let mut act = platform.act(&platform.counter);
    let code = authority.make_activation_code(&mut act, request).await?;
    let request = Activate {
        licence_number: person.licence_number().to_owned(),
        code: code.code,
        password: PASSWORD.to_owned(),
        challenge: None,
        person_check: None,
    };
    let client = Client {
        device: None,
        kind: ClientKind::Phone,
    };
    // Each from an address of its own: whoever activates often from one is slowed down.
    let mut act = platform.act(&Actor::Anonymous);
    let source = u32::try_from(person.number())?.saturating_add(SOURCES);
    act.source = Some(Ipv4Addr::from_bits(source).into());
    let activated = authority.activate(&mut act, request, client).await?;
    let device = Some(activated.device.as_str());
    let (actor, _) = authority
        .authenticate(&activated.token, device, act.now)
        .await?;
    Ok(platform.act(&actor))
}
