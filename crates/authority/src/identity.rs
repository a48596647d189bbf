//! The other way of showing who a person is: an identity service outside (外部身份认证服务), as the
//! operator has one by contract. See docs/integration.md for the request and the answer.

use std::{fmt, future::Future, pin::Pin};

use jiff::civil::Date;
use storage::PersonCheckId;
use zeroize::Zeroizing;

/// Says whether the person in front of the camera is the one of the record. A service that answers
/// "match" stands for it: where one is configured, its word issues a licence.
pub trait IdentityService: Send + Sync + fmt::Debug {
    /// Asks. It ends by itself, within half a minute.
    fn prove<'a>(
        &'a self,
        claim: &'a IdentityClaim,
    ) -> Pin<Box<dyn Future<Output = Result<Proved, NotAsked>> + Send + 'a>>;
}

/// Whom somebody says they are, and the token by which the service knows what it saw of them.
pub struct IdentityClaim {
    /// Which check: the service knows a repetition by it.
    pub check: PersonCheckId,
    /// What the service's own component in the app gave to it, bound to `nonce`.
    pub token: Zeroizing<String>,
    /// What this system gave for the check, base64url.
    pub nonce: String,
    /// 姓名
    pub name: Zeroizing<String>,
    /// 证号
    pub licence_number: Zeroizing<String>,
    /// 出生日期
    pub birth_date: Date,
}

/// What the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proved {
    /// It is that person.
    Match,
    /// It is not.
    Reject,
    /// It cannot say: an officer must look.
    Officer,
}

/// The service could not be asked; the code is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAsked(pub &'static str);

impl fmt::Debug for IdentityClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityClaim")
            .field("check", &self.check)
            .finish_non_exhaustive()
    }
}
