//! TensorFlow.js in node, asked over pipes (`benches/tfjs/peer.mjs`).

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::figure::Failed;

#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    /// Installs it from its lock file, starts it and has it compile what it will run.
    pub(crate) fn start(folder: &Path, models: &Path) -> Result<Self, Failed> {
        if !folder.join("node_modules").is_dir() {
            let installed = Command::new("npm")
                .args([
                    "ci",
                    "--ignore-scripts",
                    "--no-audit",
                    "--no-fund",
                    "--silent",
                ])
                .current_dir(folder)
                .status()?;
            if !installed.success() {
                return Err(Failed::new("npm ci failed"));
            }
        }
        let mut child = Command::new("node")
            .arg("peer.mjs")
            .arg(models.canonicalize()?)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let to = child.stdin.take().ok_or_else(|| Failed::new("no pipe"))?;
        let from = child.stdout.take().ok_or_else(|| Failed::new("no pipe"))?;
        let from = BufReader::new(from);
        let mut peer = Self { child, to, from };
        if peer.line()? != "ready" {
            return Err(Failed::new("node did not start"));
        }
        for name in ["blazeface", "facemesh", "iris", "faceres", "recogniser"] {
            for _ in 0..3 {
                peer.ask(&["model".to_owned(), name.to_owned()])?;
            }
        }
        Ok(peer)
    }

    /// Milliseconds of processor time that the work took.
    pub(crate) fn ask(&mut self, words: &[String]) -> Result<f64, Failed> {
        writeln!(self.to, "{}", words.join("\t"))?;
        self.to.flush()?;
        Ok(self.line()?.parse()?)
    }

    fn line(&mut self) -> Result<String, Failed> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
