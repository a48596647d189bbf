//! A service outside, byte by byte: what a good one never does is easily done here.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
};

/// How the service meets a request.
pub(crate) enum Answer {
    /// A status with a body.
    Status(u16, String),
    /// A status with another header.
    With(u16, &'static str),
    /// Nothing: the connection stays open.
    Hang,
    /// The connection is closed.
    Close,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A service that answers as it was told, in order, and keeps what it was asked.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: mpsc::Sender<Answer>,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answers, told) = mpsc::channel();
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(one) = read(&mut stream) else {
                    continue;
                };
                kept.lock().unwrap().push(one);
                match told.recv() {
                    Ok(Answer::Hang) => open.push(stream),
                    Ok(answer) => write(&mut stream, &answer),
                    Err(_the_test_ended) => return,
                }
            }
        });
        Self {
            address,
            asked,
            answers,
        }
    }

    pub(crate) fn answers(&self, answer: Answer) {
        self.answers.send(answer).unwrap();
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// One request; none where the connection ends before it is whole.
fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(Asked {
                    head,
                    body: body.to_owned(),
                });
            }
        }
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
    }
}

fn write(stream: &mut TcpStream, answer: &Answer) {
    let (status, header, body) = match answer {
        Answer::Status(status, body) => (*status, "x-none: 0", body.as_str()),
        Answer::With(status, header) => (*status, *header, ""),
        Answer::Hang | Answer::Close => return,
    };
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} Said\r\n{header}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    // Whoever reads only part of it may be gone.
    stream.write_all(text.as_bytes()).ok();
}
