#![forbid(unsafe_code)]
//! Photos judged and faces compared, beside the same models under TensorFlow.js (`wasm`) on the
//! same photos in the same run.
//!
//! One line a figure on standard output: `name  value  unit  ratio-to-peer  peer`, or `name
//! absent reason`; what they rest on goes to standard error. All times are processor time, so
//! that what else the machine does counts as little as it can.

mod degrade;
mod figure;
mod peer;
/// The maker of such pictures belongs to the demonstration.
#[expect(unreachable_pub, dead_code, reason = "public and used in full there")]
#[path = "../../../crates/jiazhao/src/demo/stills.rs"]
mod stills;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs, thread};

use figure::{Failed, Rounds, absent, note, processor_ms, tell};
use image::codecs::jpeg::JpegEncoder;
use inference::Model;
use jiff::civil::date;
use peer::Peer;
use portrait::{
    Asked, Challenge, Frame, Limits, Models, Outcome, Profile, Thresholds, assess, challenge,
    compare,
};
use stills::{STILLS, Taken};

/// Persons in the photos of `cargo xtask setup --models`, each with nobody else: photo, left,
/// top, width, height.
const PERSONS: [(u8, [u32; 4]); 3] = [
    (6, [40, 330, 600, 740]),
    (3, [380, 170, 600, 740]),
    (3, [1310, 150, 600, 740]),
];
const NAMES: [&str; 3] = ["photo-assess", "face-compare", "person-check"];

fn main() -> ExitCode {
    let asked = |name: &str| env::args().any(|it| it == name);
    let done = if asked("--table") {
        let mut arguments = env::args().skip_while(|it| it != "--keep").skip(1);
        let keep = arguments.next().map(PathBuf::from);
        table::print(&models_folder(), keep.as_deref())
    } else {
        run(if asked("--full") { 9 } else { 3 })
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            note(&failed.to_string());
            ExitCode::from(2)
        }
    }
}

fn run(rounds: u32) -> Result<(), Failed> {
    let folder = models_folder();
    if !folder.join("blazeface.json").is_file() {
        let reason = "the models are not there: cargo xtask setup --models";
        return NAMES.iter().try_for_each(|name| absent(name, reason));
    }
    let here = tempfile::tempdir()?;
    let photos = photos(&folder, here.path())?;
    let answered = Answered::of(&folder)?;
    let models = Models::read(|name| fs::read(folder.join(name)))?;
    let networks = networks(&folder)?;
    let mut peer = match Peer::start(&root().join("benches/tfjs"), &folder) {
        Ok(peer) => Some(peer),
        Err(failed) => {
            note(&format!("no peer: {failed}"));
            None
        }
    };
    let mut figures = Rounds::default();
    for _ in 0..rounds {
        round(&models, &networks, &photos, &mut figures)?;
        figures.add("person-check", processor_ms(|| answered.check(&models))?);
        if let Some(peer) = &mut peer {
            of_peer(peer, &networks, &photos, &mut figures)?;
        }
    }
    drop(peer);
    for name in NAMES {
        figures.tell(name, "ms")?;
    }
    for (name, _) in &networks {
        figures.tell(name, "ms")?;
    }
    on_all_cores(&models, &photos)?;
    tell(
        "portrait-peak-memory",
        &format!("{:.0}", peak_memory()?),
        "MB",
    )
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn models_folder() -> PathBuf {
    root().join("target/models")
}

/// A person check of twelve frames of 480 x 640, whose frames are **synthetic**.
struct Answered {
    challenge: Challenge,
    frames: Vec<Taken>,
    photo: Vec<u8>,
}

impl Answered {
    fn of(folder: &Path) -> Result<Self, Failed> {
        let challenge = Challenge::parse("turn-left,blink,turn-right,blink,turn-left");
        let challenge = challenge.ok_or_else(|| Failed::new("no challenge"))?;
        let still = STILLS.first().ok_or_else(|| Failed::new("nobody"))?;
        let sitter = still.open(folder)?;
        let codes: Vec<&str> = challenge.steps().iter().map(|it| it.code()).collect();
        Ok(Self {
            frames: stills::answer(&sitter, &codes, 0)?,
            photo: sitter.studio().photo(0)?,
            challenge,
        })
    }

    fn check(&self, models: &Models) -> Result<(), Failed> {
        let taken = self.frames.iter();
        let frames: Vec<Frame<'_>> = taken
            .map(|it| Frame {
                step: it.step,
                at_ms: it.at_ms,
                bytes: &it.bytes,
            })
            .collect();
        let start = &Thresholds::START;
        let judged = challenge::check(&frames, &self.challenge, &self.photo, models, start)?;
        if judged.outcome == Outcome::Match {
            Ok(())
        } else {
            Err(Failed::new("the frames do not match"))
        }
    }
}

/// Ours and the peer's time for the same work, in turn.
fn round(
    models: &Models,
    networks: &[(&'static str, Model)],
    photos: &[PathBuf],
    figures: &mut Rounds,
) -> Result<(), Failed> {
    let bytes: Vec<Vec<u8>> = photos.iter().map(fs::read).collect::<Result<_, _>>()?;
    for photo in &bytes {
        figures.add("photo-assess", processor_ms(|| judge(models, photo))?);
    }
    for (one, other) in bytes.iter().zip(bytes.iter().skip(1)) {
        let took = processor_ms(|| {
            let compared = compare(one, other, &Limits::PHOTO, models, &Thresholds::START)?;
            compared
                .distance
                .map(drop)
                .ok_or_else(|| Failed::new("no face"))
        });
        figures.add("face-compare", took?);
    }
    for (name, model) in networks {
        let length = model.input().len();
        let took = processor_ms(|| {
            for _ in 0..8 {
                model.run(vec![0.3; length])?;
            }
            Ok(())
        });
        figures.add(name, took? / 8.0);
    }
    Ok(())
}

fn of_peer(
    peer: &mut Peer,
    networks: &[(&'static str, Model)],
    photos: &[PathBuf],
    figures: &mut Rounds,
) -> Result<(), Failed> {
    for photo in photos {
        let took = peer.ask(&["assess".to_owned(), photo.display().to_string()])?;
        figures.add_of_peer("photo-assess", took);
    }
    for (one, other) in photos.iter().zip(photos.iter().skip(1)) {
        let paths = [one, other].map(|it| it.display().to_string());
        let [one, other] = paths;
        figures.add_of_peer(
            "face-compare",
            peer.ask(&["compare".to_owned(), one, other])?,
        );
    }
    for (name, _) in networks {
        let model = name.trim_start_matches("model-").to_owned();
        for _ in 0..3 {
            figures.add_of_peer(name, peer.ask(&["model".to_owned(), model.clone()])?);
        }
    }
    Ok(())
}

fn judge(models: &Models, photo: &[u8]) -> Result<(), Failed> {
    let asked = Asked {
        profile: Profile::Submitted,
        today: date(2026, 11, 22),
        earlier: &[],
    };
    let (_, assessment) = assess(photo, &Limits::PHOTO, models, &asked)?;
    if assessment.faces == 0 {
        return Err(Failed::new("the photo has no face"));
    }
    Ok(())
}

/// Photos judged in a second by as many threads as there are cores, by the clock on the wall.
fn on_all_cores(models: &Models, photos: &[PathBuf]) -> Result<(), Failed> {
    let bytes: Vec<Vec<u8>> = photos.iter().map(fs::read).collect::<Result<_, _>>()?;
    let cores = thread::available_parallelism()?.get();
    let each = 12_u16;
    let began = Instant::now();
    let done: Result<Vec<()>, Failed> = thread::scope(|scope| {
        let work = || {
            (0..each)
                .zip(bytes.iter().cycle())
                .try_for_each(|(_, photo)| judge(models, photo))
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|it| {
            it.join()
                .unwrap_or_else(|_| Err(Failed::new("a thread ended")))
        });
        ended.collect()
    });
    let judged = f64::from(each) * f64::from(u16::try_from(done?.len())?);
    let rate = judged / began.elapsed().as_secs_f64();
    tell("photo-assess-all-cores", &format!("{rate:.1}"), "photos/s")
}

/// The models that both can run; the segmentation model has no form for the peer.
fn networks(folder: &Path) -> Result<Vec<(&'static str, Model)>, Failed> {
    let graph = |name: &str, outputs: &[&str]| -> Result<Model, Failed> {
        let json = fs::read(folder.join(format!("{name}.json")))?;
        let weights = fs::read(folder.join(format!("{name}.bin")))?;
        Ok(inference::tfjs::read(&json, &weights, outputs)?)
    };
    let boxes = ["Identity:0", "Identity_1:0", "Identity_2:0", "Identity_3:0"];
    Ok(vec![
        ("model-blazeface", graph("blazeface", &boxes)?),
        (
            "model-facemesh",
            graph("facemesh", &["output_mesh", "output_faceflag"])?,
        ),
        ("model-iris", graph("iris", &["Identity:0"])?),
        ("model-faceres", graph("faceres", &["global_pooling/Mean"])?),
    ])
}

/// One JPEG for each person.
fn photos(folder: &Path, into: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut photos = Vec::new();
    for (number, (photo, [left, top, width, height])) in PERSONS.iter().enumerate() {
        let group = image::open(folder.join(format!("photos/{photo}.jpg")))?;
        let person = group.crop_imm(*left, *top, *width, *height).into_rgb8();
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 92).encode_image(&person)?;
        let path = into.join(format!("{number}.jpg"));
        fs::write(&path, bytes)?;
        photos.push(path);
    }
    Ok(photos)
}

fn peak_memory() -> Result<f64, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    let kib: u32 = number
        .ok_or_else(|| Failed::new("the system does not tell"))?
        .parse()?;
    Ok(f64::from(kib) / 1024.0)
}
