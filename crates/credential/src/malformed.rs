//! Bytes that are not what they should be.

use std::fmt;

use crate::reason::Reason;

/// Why bytes are not a credential or a trust list. Names the claim, never its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// More bytes than any honest one has.
    TooLarge,
    /// The bytes end early.
    Truncated,
    /// Bytes follow the end.
    TrailingBytes,
    /// Not the one deterministic encoding (RFC 8949, 4.2.1): a longer form than needed, an
    /// indefinite length, keys out of order.
    NotCanonical,
    /// A map has a key twice.
    DuplicateKey,
    /// CBOR that no form here uses: floats, simple values, reserved bits.
    UnsupportedCbor,
    /// Nested deeper than any form here.
    TooDeep,
    /// A text that is not UTF-8.
    NotUtf8,
    /// Not a tagged `COSE_Sign1`.
    NotCoseSign1,
    /// The headers are not exactly algorithm, key and type in the protected part.
    Headers,
    /// Signed as something else, for instance a trust list offered as a credential.
    WrongType,
    /// The algorithm is not one of this system's suites.
    UnknownAlgorithm,
    /// The signature is not 64 bytes.
    SignatureLength,
    /// A required claim is missing.
    MissingClaim(&'static str),
    /// A claim or key that this form does not have.
    UnknownClaim,
    /// A claim of the wrong CBOR type.
    ClaimType(&'static str),
    /// A claim whose value cannot be.
    ClaimValue(&'static str),
    /// Not the JSON of an exported trust list.
    NotTrustJson,
    /// Not a status list in any of its forms.
    NotStatusList,
    /// The bytes of a status list are not in zlib's form.
    Compression,
    /// A public key that is no point of its curve.
    BadPublicKey,
    /// The same key twice in a list.
    RepeatedKey,
    /// A text that does not begin as a code does.
    NotCodeText,
    /// A text that is not base45 (RFC 9285).
    NotBase45,
    /// A code of a kind that is not known here.
    UnknownCodeKind,
    /// Not the JSON of what a verifier remembers.
    NotVerifierState,
}

impl Malformed {
    /// The stable code and both texts.
    #[must_use]
    pub const fn reason(self) -> Reason {
        let (zh, en) = match self {
            Self::TooLarge => ("数据过大", "the data is too large"),
            Self::Truncated => ("数据不完整", "the data ends early"),
            Self::TrailingBytes => ("数据末尾有多余内容", "bytes follow the end"),
            Self::NotCanonical => ("编码不规范", "the encoding is not the deterministic one"),
            Self::DuplicateKey => ("数据项重复", "a map holds a key twice"),
            Self::UnsupportedCbor => (
                "含有不支持的数据类型",
                "a type of data that is not used here",
            ),
            Self::TooDeep => ("数据嵌套过深", "the data is nested too deeply"),
            Self::NotUtf8 => ("文本编码错误", "a text is not UTF-8"),
            Self::NotCoseSign1 => ("不是签名的电子证照数据", "not a tagged COSE_Sign1"),
            Self::Headers => (
                "签名头不符合要求",
                "the headers are not exactly those required",
            ),
            Self::WrongType => ("签名数据的类型不符", "signed as another type of content"),
            Self::UnknownAlgorithm => (
                "签名算法不受支持",
                "the signature algorithm is not supported",
            ),
            Self::SignatureLength => ("签名长度错误", "the signature has the wrong length"),
            Self::MissingClaim(_) => ("缺少必需的数据项", "a required claim is missing"),
            Self::UnknownClaim => ("含有未知的数据项", "a claim that this form does not have"),
            Self::ClaimType(_) => ("数据项类型错误", "a claim has the wrong type"),
            Self::ClaimValue(_) => ("数据项取值错误", "a claim has an impossible value"),
            Self::NotTrustJson => ("不是信任列表文件", "not an exported trust list"),
            Self::NotStatusList => ("不是状态列表", "not a status list"),
            Self::Compression => ("状态列表无法解压", "the status list does not decompress"),
            Self::BadPublicKey => ("公钥无效", "a public key is not a point of its curve"),
            Self::RepeatedKey => ("密钥重复", "a key is listed twice"),
            Self::NotCodeText => (
                "不是电子驾驶证的二维码",
                "the text is no code of an electronic licence",
            ),
            Self::NotBase45 => ("二维码内容编码错误", "the code's text is not base45"),
            Self::NotVerifierState => (
                "不是核验记录文件",
                "not a file of what a verifier remembers",
            ),
            Self::UnknownCodeKind => ("二维码种类未知", "a kind of code that is not known here"),
        };
        Reason::new(self.code(), zh, en)
    }

    const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing-bytes",
            Self::NotCanonical => "not-canonical",
            Self::DuplicateKey => "duplicate-key",
            Self::UnsupportedCbor => "unsupported-cbor",
            Self::TooDeep => "too-deep",
            Self::NotUtf8 => "not-utf8",
            Self::NotCoseSign1 => "not-cose-sign1",
            Self::Headers => "headers",
            Self::WrongType => "wrong-type",
            Self::UnknownAlgorithm => "unknown-algorithm",
            Self::SignatureLength => "signature-length",
            Self::MissingClaim(_) => "missing-claim",
            Self::UnknownClaim => "unknown-claim",
            Self::ClaimType(_) => "claim-type",
            Self::ClaimValue(_) => "claim-value",
            Self::NotTrustJson => "not-trust-list",
            Self::NotStatusList => "not-status-list",
            Self::Compression => "bad-compression",
            Self::BadPublicKey => "bad-public-key",
            Self::RepeatedKey => "repeated-key",
            Self::NotCodeText => "not-code-text",
            Self::NotBase45 => "not-base45",
            Self::UnknownCodeKind => "unknown-code-kind",
            Self::NotVerifierState => "not-verifier-state",
        }
    }

    /// The claim that is concerned, where one is.
    #[must_use]
    pub const fn claim(self) -> Option<&'static str> {
        match self {
            Self::MissingClaim(claim) | Self::ClaimType(claim) | Self::ClaimValue(claim) => {
                Some(claim)
            }
            Self::TooLarge
            | Self::Truncated
            | Self::TrailingBytes
            | Self::NotCanonical
            | Self::DuplicateKey
            | Self::UnsupportedCbor
            | Self::TooDeep
            | Self::NotUtf8
            | Self::NotCoseSign1
            | Self::Headers
            | Self::WrongType
            | Self::UnknownAlgorithm
            | Self::SignatureLength
            | Self::UnknownClaim
            | Self::NotTrustJson
            | Self::NotStatusList
            | Self::Compression
            | Self::BadPublicKey
            | Self::RepeatedKey
            | Self::NotCodeText
            | Self::NotBase45
            | Self::UnknownCodeKind
            | Self::NotVerifierState => None,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reason { code, zh, en } = self.reason();
        match self.claim() {
            Some(claim) => write!(f, "{code}: {en} ({claim}; {zh})"),
            None => write!(f, "{code}: {en} ({zh})"),
        }
    }
}

impl std::error::Error for Malformed {}
