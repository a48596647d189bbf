//! `registry`: records and photos taken in, e-licences issued.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};
use jiazhao::demo::people::population;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;

use crate::{
    figure::{Failed, Rounds, absent, note},
    group::Extent,
    import, issue, platform,
    postgres::{self, Engine, NO_SERVER, POSTGRESQL},
};

/// Records, photos and rounds of a run.
struct Size {
    records: u64,
    photos: u64,
    applications: u64,
    rounds: u64,
}

const QUICK: Size = Size {
    records: 50_000,
    photos: 500,
    applications: 100,
    rounds: 3,
};
const FULL: Size = Size {
    records: 1_000_000,
    photos: 2_000,
    applications: 300,
    rounds: 1,
};
/// Memory is measured for a file of this part of the records too: it must not grow with the file.
const PART: u64 = 10;

/// Files to be imported.
struct Files {
    records: PathBuf,
    part: PathBuf,
    photos: PathBuf,
    /// All photos together, in MB.
    photo_megabytes: f64,
    _folder: TempDir,
}

pub(crate) async fn run(extent: Extent) -> Result<(), Failed> {
    let size = match extent {
        Extent::Quick => QUICK,
        Extent::Full => FULL,
    };
    let files = Files::make(&size)?;
    let mut engines = vec![Engine::Sqlite];
    engines.extend(postgres::start());
    for engine in &engines {
        note(&format!(
            "{}; {} records, encryption on; memory of the importing process alone",
            engine.durability(),
            size.records
        ));
        let mut rounds = Rounds::default();
        for _ in 0..size.rounds {
            files.import(engine, &mut rounds)?;
        }
        tell(engine, &rounds)?;
        issue::run(engine, size.applications, size.rounds.max(2)).await?;
    }
    if engines.len() < 2 {
        for name in ["import", "import-peak-memory", "import-photos", "issue"] {
            absent(&format!("{name}{POSTGRESQL}"), NO_SERVER)?;
        }
    }
    Ok(())
}

fn tell(engine: &Engine, rounds: &Rounds) -> Result<(), Failed> {
    for (name, unit) in [
        ("import", "records/s"),
        ("import-peak-memory", "MB"),
        ("import-peak-memory-of-a-tenth", "MB"),
        ("import-photos", "MB/s"),
    ] {
        rounds.tell_as(&engine.named(name), name, unit, &[])?;
    }
    Ok(())
}

impl Files {
    fn make(size: &Size) -> Result<Self, Failed> {
        let folder = TempDir::new()?;
        let records = folder.path().join("records.ndjson");
        write_records(&records, size.records)?;
        let part = folder.path().join("part.ndjson");
        write_records(&part, size.records / PART)?;
        let photos = folder.path().join("photos.ndjson");
        let bytes = write_photos(folder.path(), &photos, size.photos)?;
        Ok(Self {
            records,
            part,
            photos,
            photo_megabytes: f64::from(u32::try_from(bytes)?) / 1e6,
            _folder: folder,
        })
    }

    fn import(&self, engine: &Engine, rounds: &mut Rounds) -> Result<(), Failed> {
        let all = import::into_empty(engine, &self.records)?;
        rounds.add("import", all.per_second());
        rounds.add("import-peak-memory", all.peak_memory);
        let part = import::into_empty(engine, &self.part)?;
        rounds.add("import-peak-memory-of-a-tenth", part.peak_memory);
        let photos = import::into_empty(engine, &self.photos)?;
        rounds.add("import-photos", self.photo_megabytes / photos.seconds);
        Ok(())
    }
}

/// The demonstration's population: every class, letter and oddity.
fn write_records(path: &Path, count: u64) -> Result<(), Failed> {
    let mut file = BufWriter::new(File::create(path)?);
    for person in population(count, platform::today()) {
        file.write_all(person.line().as_bytes())?;
    }
    file.flush()?;
    Ok(())
}

/// Drivers with a photo file each; answers the bytes of all photos.
fn write_photos(folder: &Path, path: &Path, count: u64) -> Result<u64, Failed> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut bytes = 0_u64;
    for person in platform::people(0, count)? {
        let name = format!("{}.jpg", person.number());
        let photo = photo(person.number())?;
        bytes = bytes.saturating_add(u64::try_from(photo.len())?);
        fs::write(folder.join(&name), photo)?;
        file.write_all(person.with_photo(name).line().as_bytes())?;
    }
    file.flush()?;
    note(&format!(
        "{count} photos of {} bytes each",
        bytes / count.max(1)
    ));
    Ok(bytes)
}

/// 358 by 441 pixels of coarse noise, about as many bytes as a portrait of that size takes.
fn photo(seed: u64) -> Result<Vec<u8>, Failed> {
    const WIDTH: u32 = 358;
    const HEIGHT: u32 = 441;
    const GRAIN: u32 = 4;
    let mut rng = StdRng::seed_from_u64(seed);
    let across = WIDTH.div_ceil(GRAIN);
    let mut row = Vec::new();
    let mut pixels = Vec::new();
    for y in 0..HEIGHT {
        if y % GRAIN == 0 {
            row = (0..across).map(|_| rng.next_u32().to_le_bytes()).collect();
        }
        for x in 0..WIDTH {
            let place = usize::try_from(x / GRAIN)?;
            let [red, green, blue, _] = row.get(place).copied().unwrap_or_default();
            pixels.extend([red / 2, green / 2, blue / 2]);
        }
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 75).encode(
        &pixels,
        WIDTH,
        HEIGHT,
        ExtendedColorType::Rgb8,
    )?;
    Ok(jpeg)
}
