//! `build`: the release binary, the web apps in it.

use crate::sh::{self, Failure, say};
use crate::web;

pub(crate) fn run() -> Result<(), Failure> {
    web::build()?;
    sh::run(sh::cargo().args(["build", "--release", "--locked", "--package", "jiazhao"]))?;
    say("target/release/jiazhao")
}
