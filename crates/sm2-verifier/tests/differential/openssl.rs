//! OpenSSL's library, asked through a script, since its command line takes one signature a process.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Command, Stdio},
    thread,
};

use crate::oracle::Oracle;

pub(crate) struct OpenSsl {
    child: Child,
    questions: Vec<u8>,
}

impl OpenSsl {
    pub(crate) fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/openssl.py");
        let child = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Self {
            child: child.expect("python3 and OpenSSL 3 are needed: cargo xtask setup"),
            questions: Vec::new(),
        }
    }

    pub(crate) fn ask<O: Oracle>(&mut self, point: &[u8], message: &[u8], der: &[u8]) {
        let field = |bytes: &[u8]| match bytes {
            [] => "-".to_owned(),
            some => hex::encode(some),
        };
        let fields = [
            format!("{}{}", O::SPKI, hex::encode(point)),
            field(O::USER_ID),
            field(message),
            hex::encode(der),
        ];
        self.questions
            .extend_from_slice(fields.join(" ").as_bytes());
        self.questions.push(b'\n');
    }

    pub(crate) fn answers(&mut self, count: usize) -> Vec<bool> {
        let questions = std::mem::take(&mut self.questions);
        let mut stdin = self.child.stdin.take().unwrap();
        let mut stdout = BufReader::new(self.child.stdout.take().unwrap());
        let answers = thread::scope(|scope| {
            // Beside each other: neither pipe holds everything.
            let asked = scope.spawn(|| {
                stdin.write_all(&questions).unwrap();
                stdin.flush().unwrap();
            });
            let lines = stdout.by_ref().lines().take(count);
            let answers: Vec<bool> = lines.map(|line| line.unwrap() == "1").collect();
            asked.join().unwrap();
            answers
        });
        self.child.stdin = Some(stdin);
        self.child.stdout = Some(stdout.into_inner());
        assert_eq!(answers.len(), count, "OpenSSL's library did not answer");
        answers
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
