//! A browser that is told, and the push service that reaches it: what a subscription consists of on
//! the other side of the wire.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey as Verifier},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::{
    ServerConfig, ServerConnection, Stream,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser's half of a subscription.
pub(crate) struct Browser {
    private: PrivateKey,
    public: Vec<u8>,
    auth: [u8; 16],
}

impl Browser {
    /// With secrets made of one byte.
    pub(crate) fn new(seed: u8) -> Self {
        let private = PrivateKey::from_private_key(&ECDH_P256, &[seed; 32]).unwrap();
        let public = private.compute_public_key().unwrap().as_ref().to_vec();
        Self {
            private,
            public,
            auth: [seed; 16],
        }
    }

    /// As `PushSubscription.toJSON` tells it.
    pub(crate) fn subscription(&self, endpoint: &str) -> Value {
        json!({"endpoint": endpoint, "keys": {
            "p256dh": URL_SAFE_NO_PAD.encode(&self.public),
            "auth": URL_SAFE_NO_PAD.encode(self.auth),
        }})
    }

    /// Opens the body of a push as RFC 8291 and RFC 8188 tell it; what its page then gets.
    pub(crate) fn opened(&self, body: &[u8]) -> Value {
        let (salt, rest) = body.split_at(16);
        let (size, rest) = rest.split_at(4);
        let (length, rest) = rest.split_first().unwrap();
        let (sender, ciphertext) = rest.split_at(usize::from(*length));
        assert_eq!((size, sender.len()), (&4096_u32.to_be_bytes()[..], 65));
        let theirs = UnparsedPublicKey::new(&ECDH_P256, sender);
        let shared = agree(&self.private, theirs, (), |shared| Ok(shared.to_vec())).unwrap();
        let info = [b"WebPush: info\0".as_slice(), &self.public, sender].concat();
        let input = derived(&self.auth, &shared, &info, 32);
        let key = derived(salt, &input, b"Content-Encoding: aes128gcm\0", 16);
        let nonce = derived(salt, &input, b"Content-Encoding: nonce\0", 12);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&nonce).unwrap();
        let mut record = ciphertext.to_vec();
        let record = key.open_in_place(nonce, Aad::empty(), &mut record).unwrap();
        // The last record: content, a two, zeros.
        let end = record.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(record[end], 2);
        serde_json::from_slice(&record[..end]).unwrap()
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derived(salt: &[u8], secret: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let info = [info];
    let expanded = extracted.expand(&info, Length(length)).unwrap();
    // One block of the hash at most: as many bytes as were asked for.
    expanded.fill(&mut out).unwrap();
    out
}

/// A request as it reached the service.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The first line and the headers, in small letters but for the values.
    head: Vec<(String, String)>,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.head.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Checks the token of RFC 8292 as a push service does; what it claims.
    pub(crate) fn vapid(&self, application_server_key: &str) -> Value {
        let value = self.header("authorization").unwrap();
        let value = value.strip_prefix("vapid t=").unwrap();
        let (token, key) = value.split_once(", k=").unwrap();
        assert_eq!(key, application_server_key);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        Verifier::new(&ECDSA_P256_SHA256_FIXED, decoded(key))
            .verify(signed.as_bytes(), &decoded(signature))
            .unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let header: Value = serde_json::from_slice(&decoded(header)).unwrap();
        assert_eq!(header, json!({"typ": "JWT", "alg": "ES256"}));
        serde_json::from_slice(&decoded(claims)).unwrap()
    }
}

/// A push service of this machine, with a certificate of its own.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    answers: Vec<u16>,
}

impl Service {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let config = Arc::new(certified(&folder));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that does not believe the certificate ends the handshake.
                serve(&config, stream, &shared);
            }
        });
        Self {
            address,
            folder,
            state,
        }
    }

    /// What the configuration says of it, on `localhost`.
    pub(crate) fn configured(&self, more: &str) -> String {
        format!(
            "[push]\ncontact = \"mailto:push@authority.example\"\nca_file = \"{}\"\n{more}",
            self.folder.path().join("cert.pem").display(),
        )
    }

    /// The same, which names this service.
    pub(crate) fn named(&self) -> String {
        let services = format!("services = [\"localhost:{}\"]\n", self.address.port());
        self.configured(&services)
    }

    pub(crate) fn endpoint(&self, name: &str) -> String {
        format!("https://localhost:{}/push/{name}", self.address.port())
    }

    /// What it answers next instead of 201.
    pub(crate) fn answers(&self, status: u16) {
        self.state().answers.push(status);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn certified(folder: &TempDir) -> ServerConfig {
    let path = |name: &str| folder.path().join(name);
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(' '))
        .args([
            "-subj",
            "/CN=push",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(path("key.pem"))
        .arg("-out")
        .arg(path("cert.pem"))
        .output()
        .unwrap();
    assert!(made.status.success());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificate = CertificateDer::from_pem_file(path("cert.pem")).unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate],
            PrivateKeyDer::from_pem_file(path("key.pem")).unwrap(),
        )
        .unwrap()
}

/// One request of a connection, which then ends.
fn serve(config: &Arc<ServerConfig>, mut stream: TcpStream, state: &Mutex<State>) {
    let mut session = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut tls = BufReader::new(Stream::new(&mut session, &mut stream));
    let Some(request) = read(&mut tls) else {
        return;
    };
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let status = if state.answers.is_empty() {
        201
    } else {
        state.answers.remove(0)
    };
    state.requests.push(request);
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    tls.get_mut().write_all(answer.as_bytes()).ok();
}

fn read(tls: &mut BufReader<Stream<'_, ServerConnection, TcpStream>>) -> Option<Request> {
    let mut line = String::new();
    tls.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.strip_prefix("POST ")?.split(' ').next()?.to_owned();
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        tls.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        head.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut request = Request {
        head,
        path,
        body: Vec::new(),
    };
    let length = request.header("content-length")?.parse().ok()?;
    request.body = vec![0; length];
    tls.read_exact(&mut request.body).ok()?;
    Some(request)
}
