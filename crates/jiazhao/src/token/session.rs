//! Sessions with a token: found by its name, logged in once, kept for the next signature.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    session::{Session, UserType},
    slot::{Slot, TokenInfo},
    types::AuthPin,
};

use crate::{
    config::{self, TokenName},
    failure::Failure,
    unlock,
};

/// Sessions kept for later: as many as sign at once on the machine of one node.
const KEPT: usize = 16;

/// A token of the machine.
pub(super) struct Token {
    pkcs11: Pkcs11,
    slot: Slot,
    /// Wiped when it is dropped.
    pin: Option<AuthPin>,
    /// A token forgets who logged in with the last session: while one is kept, it does not.
    idle: Mutex<Vec<Session>>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

impl Token {
    /// Loads the library and finds the token; nobody is logged in.
    pub(super) fn find(settings: &config::Pkcs11) -> Result<Self, Failure> {
        let of_module = |error: Error| {
            let failure = Failure::new(
                "pkcs11-module",
                "无法加载 PKCS#11 动态库",
                "The PKCS#11 library cannot be loaded",
            );
            failure.about(format!("{}: {error}", settings.module.display()))
        };
        let pkcs11 = Pkcs11::new(&settings.module).map_err(of_module)?;
        let threads = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match pkcs11.initialize(threads) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(of_module(error)),
        }
        let slot = slot(&pkcs11, &settings.token)?;
        Ok(Self {
            pkcs11,
            slot,
            pin: None,
            idle: Mutex::default(),
        })
    }

    /// The same, logged in: the PIN is read from its file, or asked for.
    pub(super) fn open(settings: &config::Pkcs11) -> Result<Self, Failure> {
        let mut token = Self::find(settings)?;
        let info = token.info()?;
        // Whoever starts again and again with a wrong PIN would lock the token for good.
        if info.user_pin_final_try() || info.user_pin_locked() {
            return Err(Failure::new(
                "pkcs11-pin-tries",
                "密码机 PIN 只剩一次尝试机会或已锁定：请先用厂商工具登录或解锁",
                "The token allows one more try of its PIN, or none: log in by its maker's tool first",
            ));
        }
        let pin = match &settings.pin_file {
            Some(file) => unlock::read(file)?,
            None => unlock::ask("PIN of the token (密码机 PIN): ").map_err(|_no_terminal| {
                Failure::new(
                    "pkcs11-pin-missing",
                    "缺少密码机 PIN：请设置 pkcs11.pin_file",
                    "The PIN of the token is missing: set pkcs11.pin_file",
                )
            })?,
        };
        token.pin = Some(AuthPin::from(pin.as_str()));
        let session = token.session().map_err(refused)?;
        token.give_back(session);
        Ok(token)
    }

    /// A session that is logged in.
    pub(super) fn session(&self) -> Result<Session, Error> {
        if let Some(session) = self.idle().pop() {
            return Ok(session);
        }
        self.new_session()
    }

    /// The same, after one that failed: those that are kept may have ended with it.
    pub(super) fn new_session(&self) -> Result<Session, Error> {
        let session = self.pkcs11.open_ro_session(self.slot)?;
        match session.login(UserType::User, self.pin.as_ref()) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(error),
        }
    }

    /// Keeps a session for whoever signs next.
    pub(super) fn give_back(&self, session: Session) {
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(session);
        }
    }

    /// Ends what is kept: the token was taken out, or its maker's service began anew.
    pub(super) fn forget(&self) {
        let ended = std::mem::take(&mut *self.idle());
        // Outside the lock: each is a call into the library.
        drop(ended);
    }

    fn info(&self) -> Result<TokenInfo, Failure> {
        self.pkcs11.get_token_info(self.slot).map_err(no_answer)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slot(pkcs11: &Pkcs11, name: &TokenName) -> Result<Slot, Failure> {
    let slots = pkcs11.get_slots_with_initialized_token();
    let slots = slots.map_err(no_answer)?;
    let mut found = Vec::new();
    for slot in slots {
        let fits = match name {
            TokenName::Slot(number) => slot.id() == u64::from(*number),
            TokenName::Label(label) => {
                let info = pkcs11.get_token_info(slot).map_err(no_answer)?;
                info.label() == label
            }
        };
        if fits {
            found.push(slot);
        }
    }
    match found.as_slice() {
        [slot] => Ok(*slot),
        none_or_several => Err(Failure::new(
            "pkcs11-token",
            "未找到唯一的密码机令牌（pkcs11.token 或 pkcs11.slot）",
            "Not exactly one token is there of this label or slot",
        )
        .about(format!("{} of it", none_or_several.len()))),
    }
}

/// What the library says, which never holds the PIN.
pub(super) fn no_answer(error: Error) -> Failure {
    Failure::new(
        "pkcs11-no_answer",
        "密码机没有应答",
        "The token does not answer",
    )
    .about(error)
}

fn refused(error: Error) -> Failure {
    if let Error::Pkcs11(
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange | RvError::PinLocked,
        _,
    ) = &error
    {
        return Failure::new(
            "pkcs11-pin",
            "密码机拒绝了 PIN",
            "The token refuses the PIN",
        );
    }
    no_answer(error)
}
