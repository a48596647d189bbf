//! `jiazhao portrait calibrate`

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use clap::Args;
use portrait::calibrate::{Demand, MOST_PHOTOS, Pairs, Point, Record, RecordError};
use portrait::{AssessError, Likeness, Limits, Models};
use serde_json::{Value, json};

use super::super::{Context, say, tell};
use crate::{calibration, enforcement_keys, failure::Failure, import::read_within, key_files};

#[derive(Debug, Args)]
pub(in crate::command) struct Calibrate {
    /// One folder for each person, with that person's photos in it
    folder: PathBuf,
    /// The share of false matches that is wanted: two persons taken for one
    #[arg(long, value_name = "SHARE", default_value_t = Demand::AUTOMATIC_ISSUE.fmr, value_parser = share)]
    fmr: f64,
    /// Where the signed record goes; the file must not exist
    #[arg(long, value_name = "FILE", requires = "key")]
    out: Option<PathBuf>,
    /// The key that signs it, as `portrait calibration-key` made it
    #[arg(long, value_name = "FILE", requires = "out")]
    key: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::command) struct CalibrationKey {
    /// The file for the secret, which must not exist; the public key goes beside it (FILE.pub)
    #[arg(value_name = "FILE")]
    out: PathBuf,
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|it: &f64| (0.0..1.0).contains(it))
        .ok_or_else(|| "a share from 0 to below 1 (0 至 1 之间)".to_owned())
}

impl CalibrationKey {
    pub(super) fn run(&self, context: &Context) -> Result<u8, Failure> {
        calibration::generate(&self.out, &mut context.ambient.entropy.rng())?;
        let public = enforcement_keys::public_beside(&self.out);
        say(&public.display().to_string())?;
        Ok(0)
    }
}

impl Calibrate {
    /// 0: it suffices for issuing without a human; 1: it does not.
    pub(super) fn run(&self, context: &Context, models: &Models) -> Result<u8, Failure> {
        let files = files(&self.folder)?;
        let photos: usize = files.iter().map(Vec::len).sum();
        if photos > MOST_PHOTOS {
            return Err(Failure::new(
                "calibration-too-many",
                "照片过多，最多 6000 张",
                "Too many photos: at most 6000",
            )
            .about(photos));
        }
        tell(&format!("{photos} photos of {} persons", files.len()))?;
        let (persons, unusable) = looked_at(&files, models)?;
        let pairs = Pairs::of(&persons);
        let now = context.ambient.clock.now();
        let record = Record::new(&pairs, unusable, self.fmr, models, now).ok_or_else(|| {
            Failure::new(
                "calibration-no-pairs",
                "至少需要两人，且其中一人至少两张照片",
                "At least two persons are needed, one of them with two photos",
            )
            .about(self.folder.display())
        })?;
        let suffices = record.clone().checked(models, &Demand::AUTOMATIC_ISSUE);
        let lacks = suffices.err();
        if self.json {
            say(&shown(&record, &pairs.curve(), lacks.map(RecordError::code)).to_string())?;
        } else {
            print(&record, &pairs.curve())?;
            say(&lacks.map_or_else(
                || "suffices for issuing without a human (可用于自动签发)".to_owned(),
                |it| format!("does not suffice for issuing without a human: {it}"),
            ))?;
        }
        if let Some((out, key)) = self.out.as_ref().zip(self.key.as_ref()) {
            key_files::write_new(out, &calibration::sign(record, key)?)?;
        }
        Ok(u8::from(lacks.is_some()))
    }
}

/// The files of each person's folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<Vec<PathBuf>>, Failure> {
    let entries = |folder: &Path| -> Result<Vec<PathBuf>, Failure> {
        let listed = fs::read_dir(folder).and_then(|entries| {
            let paths = entries.map(|it| it.map(|it| it.path()));
            paths.collect::<Result<Vec<_>, _>>()
        });
        let mut paths = listed.map_err(|error| {
            let about = format!("{}: {error}", folder.display());
            Failure::new(
                "folder-unreadable",
                "无法读取目录",
                "The folder cannot be read",
            )
            .about(about)
        })?;
        paths.sort();
        Ok(paths)
    };
    let folders = entries(folder)?.into_iter().filter(|it| it.is_dir());
    folders
        .map(|person| {
            let mut files = entries(&person)?;
            files.retain(|it| it.is_file());
            Ok(files)
        })
        .collect()
}

/// What the recognisers make of each person's photos, on all cores, and how many files are of no
/// use. Nothing is kept but in memory.
fn looked_at(
    files: &[Vec<PathBuf>],
    models: &Models,
) -> Result<(Vec<Vec<Likeness>>, usize), Failure> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let each = files.len().div_ceil(cores).max(1);
    let parts: Result<Vec<_>, Failure> = thread::scope(|scope| {
        let part =
            |part: &'_ [Vec<PathBuf>]| part.iter().map(|files| of_person(files, models)).collect();
        let threads: Vec<_> = files
            .chunks(each)
            .map(|files| scope.spawn(move || -> Result<Vec<_>, Failure> { part(files) }))
            .collect();
        threads
            .into_iter()
            .map(|it| it.join().unwrap_or_else(|_| Err(stopped())))
            .collect()
    });
    let persons: Vec<(Vec<Likeness>, usize)> = parts?.into_iter().flatten().collect();
    let unusable = persons.iter().map(|it| it.1).sum();
    Ok((persons.into_iter().map(|it| it.0).collect(), unusable))
}

fn stopped() -> Failure {
    Failure::new(
        "models-unusable",
        "人脸模型运行失败",
        "The face models cannot be used",
    )
}

fn of_person(files: &[PathBuf], models: &Models) -> Result<(Vec<Likeness>, usize), Failure> {
    let mut photos = Vec::new();
    for file in files {
        let Some(bytes) = read_within(file, Limits::PHOTO.max_bytes) else {
            continue;
        };
        match portrait::likeness(&bytes, &Limits::PHOTO, models) {
            Ok(likeness) => photos.extend(likeness),
            Err(AssessError::Photo(_)) => {}
            Err(AssessError::Model(error)) => return Err(stopped().about(error)),
        }
    }
    let unusable = files.len() - photos.len();
    Ok((photos, unusable))
}

fn print(record: &Record, curve: &[Point]) -> Result<(), Failure> {
    let number = |it: Option<f32>| it.map_or_else(|| "-".to_owned(), |it| format!("{it:.3}"));
    say("rule        distance  similarity  FMR       FNMR")?;
    for point in curve {
        say(&format!(
            "{:10}  {:8}  {:10}  {:.6}  {:.6}",
            point.rule.code(),
            number(point.distance),
            number(point.similarity),
            point.fmr,
            point.fnmr
        ))?;
    }
    say(&format!(
        "persons {}  photos {}  unusable {}",
        record.persons, record.photos, record.unusable
    ))?;
    let thresholds = record.thresholds;
    say(&format!(
        "thresholds for FMR {}: distance {:.4}  similarity {:.4}  reject {:.4}",
        record.wanted_fmr,
        thresholds.match_distance,
        thresholds.match_similarity,
        thresholds.reject_distance
    ))?;
    say(&format!(
        "FMR {:.6}: {} of {} pairs of two persons; at most {:.6} at 95 %",
        record.fmr(),
        record.false_matches,
        record.impostor,
        record.fmr_bound()
    ))?;
    say(&format!(
        "FNMR {:.6}: {} of {} pairs of one person; at most {:.6} at 95 %; {} rejected outright",
        record.fnmr(),
        record.false_non_matches,
        record.genuine,
        record.fnmr_bound(),
        record.false_rejects
    ))?;
    for (name, digest) in &record.models {
        say(&format!("{digest}  {name}"))?;
    }
    Ok(())
}

fn shown(record: &Record, curve: &[Point], lacks: Option<&'static str>) -> Value {
    let point = |it: &Point| {
        json!({
            "rule": it.rule.code(),
            "distance": it.distance,
            "similarity": it.similarity,
            "fmr": it.fmr,
            "fnmr": it.fnmr,
        })
    };
    json!({
        "record": record,
        "fmr": record.fmr(),
        "fmr_at_most": record.fmr_bound(),
        "fnmr": record.fnmr(),
        "fnmr_at_most": record.fnmr_bound(),
        "curve": curve.iter().map(point).collect::<Vec<_>>(),
        "automatic_issue": lacks.is_none(),
        "lacks": lacks,
    })
}
