//! Tells cargo to look at the built web apps again when they change. It builds none of them: that
//! takes node, and is done by `cargo xtask build`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    writeln!(
        std::io::stdout(),
        "cargo::rerun-if-changed=../../web/dist\ncargo::rerun-if-changed=build.rs"
    )
}
