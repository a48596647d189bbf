//! The person check (实人认证, R36, R39): how it can be done and how it can end.

use crate::named::named;

named! {
    /// How a person is shown to be the one of the record.
    pub enum Method {
        /// Frames of a challenge of head turns and blinks, compared with the photo by two matchers.
        Frames = "frames",
        /// An identity service outside (外部身份认证服务).
        IdentityService = "identity-service",
    }
}

named! {
    /// How a person check ended.
    pub enum Outcome {
        /// The person is the one on the photo.
        Match = "match",
        /// Another person, or the challenge was not followed.
        Reject = "reject",
        /// An officer must look.
        Officer = "officer",
        /// It was not answered in time, or another was begun.
        Expired = "expired",
    }
}

impl Outcome {
    /// Whether the application may go on: with an officer where it is not a match.
    #[must_use]
    pub const fn goes_on(self) -> bool {
        match self {
            Self::Match | Self::Officer => true,
            Self::Reject | Self::Expired => false,
        }
    }
}

named! {
    /// What a person agrees to have their face processed for (单独同意).
    pub enum FacePurpose {
        /// To show that they are the person of the record.
        PersonCheck = "person-check",
    }
}
