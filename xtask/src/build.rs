//! `build`: the release binary.

use crate::sh::{self, Failure, say};

pub(crate) fn run() -> Result<(), Failure> {
    sh::run(sh::cargo().args(["build", "--release", "--locked", "--package", "jiazhao"]))?;
    say("target/release/jiazhao")
}
