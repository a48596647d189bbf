//! `--table`: what the rules catch of photos that break them, and what they say of photos that
//! break none, as Markdown for docs/photo-rules.md.
//!
//! Photos are synthetic and few. The table says what the limits do, and nothing about the photos
//! that people take.

use std::path::Path;
use std::{fs, thread};

use jiff::civil::date;
use portrait::{Asked, Assessment, Fingerprint, Limits, Models, Profile, Verdict, assess};

use crate::degrade::{self, Degradation};
use crate::figure::{Failed, note};
use crate::stills::{STILLS, Sitter};

/// How often each still is photographed where nothing is wrong: nearer each time.
const VARIATIONS: u8 = 3;
/// Of the stills those with closed lips in light that is even enough, as a person sees them:
/// the others break R57 or R59 as they are.
const CLEAN: [usize; 5] = [0, 2, 4, 5, 7];
/// The others, with open lips: they break R59 as they are, and no
/// limit was set on them.
const SMILING: [usize; 3] = [1, 3, 6];
/// Rules that a machine decides.
const MACHINE: [u8; 7] = [56, 57, 58, 59, 60, 68, 71];

/// What came of a number of photos.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    fail: u32,
    officer: u32,
    pass: u32,
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Fail => self.fail += 1,
            Verdict::Officer => self.officer += 1,
            Verdict::Pass => self.pass += 1,
        }
    }

    fn all(self) -> u32 {
        self.fail + self.officer + self.pass
    }

    fn percent(self, part: u32) -> String {
        format!(
            "{:.0} %",
            f64::from(part) * 100.0 / f64::from(self.all().max(1))
        )
    }

    fn told(self) -> String {
        format!(
            "{} | {} | {}",
            self.percent(self.fail),
            self.percent(self.officer),
            self.percent(self.pass)
        )
    }
}

struct Table {
    models: Models,
    sitters: Vec<Sitter>,
}

/// Prints the table, by as many threads as there are cores.
pub(crate) fn print(folder: &Path, keep: Option<&Path>) -> Result<(), Failed> {
    let models = Models::read(|name| fs::read(folder.join(name)))?;
    let table = Table {
        models,
        sitters: opened(folder, &CLEAN)?,
    };
    table.clean("clean", &table.sitters, keep)?;
    table.clean("smiling", &opened(folder, &SMILING)?, keep)?;
    let cores = thread::available_parallelism()?.get();
    let parts: Result<Vec<Vec<String>>, Failed> = thread::scope(|scope| {
        let part = |first: usize| {
            let mine = degrade::ALL.iter().enumerate().skip(first).step_by(cores);
            mine.map(|(number, it)| Ok((number, table.rows(it, keep)?)))
                .collect::<Result<Vec<_>, Failed>>()
        };
        let threads: Vec<_> = (0..cores).map(|it| scope.spawn(move || part(it))).collect();
        let mut numbered = Vec::new();
        for thread in threads {
            let ended = thread
                .join()
                .unwrap_or_else(|_| Err(Failed::new("a thread ended")));
            numbered.extend(ended?);
        }
        numbered.sort_by_key(|(number, _)| *number);
        Ok(numbered.into_iter().map(|(_, rows)| rows).collect())
    });
    crate::figure::line(
        "| Rule | What was done | Strength | fail | officer | pass | decided by |",
    )?;
    crate::figure::line("|---|---|---|---|---|---|---|")?;
    for row in parts?.into_iter().flatten() {
        crate::figure::line(&row)?;
    }
    Ok(())
}

fn opened(folder: &Path, numbers: &[usize]) -> Result<Vec<Sitter>, Failed> {
    let stills = numbers.iter().filter_map(|it| STILLS.get(*it));
    Ok(stills.map(|it| it.open(folder)).collect::<Result<_, _>>()?)
}

impl Table {
    fn judged(&self, photo: &[u8], earlier: &[Fingerprint]) -> Result<Assessment, Failed> {
        let asked = Asked {
            profile: Profile::Submitted,
            today: date(2026, 11, 30),
            earlier,
        };
        Ok(assess(photo, &Limits::PHOTO, &self.models, &asked)?.1)
    }

    /// What is said of photos to which nothing was done: each dated a month ago.
    fn clean(&self, name: &str, sitters: &[Sitter], keep: Option<&Path>) -> Result<(), Failed> {
        let mut counts = [Counts::default(); MACHINE.len()];
        let mut any = Counts::default();
        for (number, sitter) in sitters.iter().enumerate() {
            for variation in 0..VARIATIONS {
                let photo =
                    degrade::with_exif(&sitter.studio().photo(variation)?, "2026:10:30 10:00:00")?;
                let judged = self.judged(&photo, &[])?;
                let file = format!("{name}-{number}-{variation}");
                kept(keep, &file, &photo, &judged)?;
                let mut worst = Verdict::Pass;
                for (count, rule) in counts.iter_mut().zip(MACHINE) {
                    let verdict = by_machine(&judged, rule);
                    worst = worst.max(verdict);
                    count.add(verdict);
                    if verdict != Verdict::Pass {
                        note(&format!("{file}: R{rule} {}", decided(&judged, rule)));
                    }
                }
                any.add(worst);
            }
        }
        crate::figure::line(&format!("| Rule, {name} | fail | officer | pass |"))?;
        crate::figure::line("|---|---|---|---|")?;
        for (count, rule) in counts.iter().zip(MACHINE) {
            crate::figure::line(&format!("| R{rule} | {} |", count.told()))?;
        }
        crate::figure::line(&format!("| any of them | {} |", any.told()))?;
        crate::figure::line("")
    }

    fn rows(&self, degradation: &Degradation, keep: Option<&Path>) -> Result<Vec<String>, Failed> {
        let mut rows = Vec::new();
        for strength in degradation.strengths {
            let mut counts = Counts::default();
            let mut by = std::collections::BTreeMap::<&str, u32>::new();
            for (number, sitter) in (0_u8..).zip(&self.sitters) {
                let others = self.sitters.iter().cycle();
                let other = others.skip(usize::from(number) + 1).take(1).next();
                let other = other.unwrap_or(sitter);
                let photo = degradation.photo(sitter, other, number, *strength)?;
                let name = format!(
                    "R{}-{}-{strength}-{number}",
                    degradation.rule, degradation.name
                );
                let earlier = self.earlier(degradation, sitter, number)?;
                let judged = self.judged(&photo, &earlier)?;
                kept(keep, &name, &photo, &judged)?;
                let verdict = by_machine(&judged, degradation.rule);
                counts.add(verdict);
                if verdict != Verdict::Pass {
                    *by.entry(measure(&judged, degradation.rule)).or_default() += 1;
                }
            }
            let by: Vec<String> = by
                .iter()
                .map(|(name, count)| format!("{name} {count}"))
                .collect();
            rows.push(format!(
                "| R{} | {} | {strength} | {} | {} |",
                degradation.rule,
                degradation.what,
                counts.told(),
                by.join(", ")
            ));
        }
        Ok(rows)
    }

    /// Where it is about an earlier photo, that photo's fingerprint.
    fn earlier(
        &self,
        degradation: &Degradation,
        sitter: &Sitter,
        variation: u8,
    ) -> Result<Vec<Fingerprint>, Failed> {
        if !degradation.has_earlier() {
            return Ok(Vec::new());
        }
        let judged = self.judged(&sitter.studio().photo(variation)?, &[])?;
        Ok(judged.fingerprint.into_iter().collect())
    }
}

/// What the rule's measures say, without what an officer looks at in any case.
fn by_machine(judged: &Assessment, rule: u8) -> Verdict {
    let of_rule = judged.measured.iter().filter(|it| it.rule.number() == rule);
    let verdicts = of_rule.map(|it| it.verdict).max();
    // Nothing measured: there is no face, which R58 says.
    verdicts.unwrap_or(Verdict::Officer)
}

fn measure(judged: &Assessment, rule: u8) -> &'static str {
    let of_rule = judged.measured.iter().filter(|it| it.rule.number() == rule);
    of_rule
        .max_by_key(|it| it.verdict)
        .map_or("nothing to measure", |it| it.name)
}

fn decided(judged: &Assessment, rule: u8) -> String {
    let of_rule = judged
        .measured
        .iter()
        .filter(|it| it.rule.number() == rule && it.verdict != Verdict::Pass);
    let told: Vec<String> = of_rule
        .map(|it| format!("{} {:.3} {}", it.name, it.value, it.verdict.code()))
        .collect();
    told.join(", ")
}

/// Keeps a photo where it can be looked at, and every number behind what was said of it.
fn kept(keep: Option<&Path>, name: &str, photo: &[u8], judged: &Assessment) -> Result<(), Failed> {
    let Some(folder) = keep else {
        return Ok(());
    };
    fs::create_dir_all(folder)?;
    fs::write(folder.join(format!("{name}.jpg")), photo)?;
    let measures = judged.measured.iter();
    let lines: Vec<String> = measures
        .map(|it| format!("{} {} {}\n", it.name, it.value, it.verdict.code()))
        .collect();
    fs::write(folder.join(format!("{name}.txt")), lines.concat())?;
    Ok(())
}
