// Why something was refused: a stable code, Chinese and English. The same codes and texts as the
// Rust crate `credential` has; a test compares them.

export interface Reason {
  readonly code: string;
  readonly zh: string;
  readonly en: string;
}

/** What `verify` and its openers throw or report: never with personal data. */
export class Refused extends Error {
  readonly reason: Reason;
  /** The claim that is concerned, where one is. */
  readonly claim: string | undefined;

  constructor(code: ReasonCode, claim?: string) {
    super(claim === undefined ? code : `${code} (${claim})`);
    this.name = "Refused";
    this.reason = reason(code);
    this.claim = claim;
  }
}

export const malformed = (code: ReasonCode, claim?: string): Refused => new Refused(code, claim);

export function reason(code: ReasonCode): Reason {
  const [zh, en] = TEXTS[code];
  return { code, zh, en };
}

export type ReasonCode = keyof typeof TEXTS;

const TEXTS = {
  // bytes that are not what they should be
  "too-large": ["数据过大", "the data is too large"],
  truncated: ["数据不完整", "the data ends early"],
  "trailing-bytes": ["数据末尾有多余内容", "bytes follow the end"],
  "not-canonical": ["编码不规范", "the encoding is not the deterministic one"],
  "duplicate-key": ["数据项重复", "a map holds a key twice"],
  "unsupported-cbor": ["含有不支持的数据类型", "a type of data that is not used here"],
  "too-deep": ["数据嵌套过深", "the data is nested too deeply"],
  "not-utf8": ["文本编码错误", "a text is not UTF-8"],
  "not-cose-sign1": ["不是签名的电子证照数据", "not a tagged COSE_Sign1"],
  headers: ["签名头不符合要求", "the headers are not exactly those required"],
  "wrong-type": ["签名数据的类型不符", "signed as another type of content"],
  "unknown-algorithm": ["签名算法不受支持", "the signature algorithm is not supported"],
  "signature-length": ["签名长度错误", "the signature has the wrong length"],
  "missing-claim": ["缺少必需的数据项", "a required claim is missing"],
  "unknown-claim": ["含有未知的数据项", "a claim that this form does not have"],
  "claim-type": ["数据项类型错误", "a claim has the wrong type"],
  "claim-value": ["数据项取值错误", "a claim has an impossible value"],
  "not-trust-list": ["不是信任列表文件", "not an exported trust list"],
  "not-status-list": ["不是状态列表", "not a status list"],
  "bad-compression": ["状态列表无法解压", "the status list does not decompress"],
  "bad-public-key": ["公钥无效", "a public key is not a point of its curve"],
  "repeated-key": ["密钥重复", "a key is listed twice"],
  "not-code-text": ["不是电子驾驶证的二维码", "the text is no code of an electronic licence"],
  "not-base45": ["二维码内容编码错误", "the code's text is not base45"],
  "unknown-code-kind": ["二维码种类未知", "a kind of code that is not known here"],
  // well-formed, and not believed
  "foreign-issuer": ["签发者不在信任列表中", "the issuer is not in the trust list"],
  "re-signed": [
    "冒用签发者名义，签名密钥不在信任列表中",
    "it bears a trusted issuer's name, but the signing key is not in the trust list",
  ],
  "bad-signature": [
    "签名验证失败，内容被改动或系伪造",
    "the signature does not verify: altered or forged",
  ],
  "algorithm-mismatch": ["签名算法与密钥不符", "the algorithm is not the key's"],
  "key-distrusted": [
    "签发所用的密钥已不受信任，请持证人更新电子证",
    "the signing key is no longer trusted; the holder needs a newly signed credential",
  ],
  "key-not-valid-then": [
    "签发时间不在签名密钥的有效期内",
    "signed outside the period of the signing key",
  ],
  "issuer-mismatch": ["签发者名称与签名密钥不符", "the signing key belongs to another issuer"],
  "key-wrong-use": [
    "签名所用的密钥不用于此类内容",
    "the signing key is not for content of this kind",
  ],
  "signature-malleated": ["签名形式被改写", "the signature was rewritten into its other form"],
  "bad-device-signature": [
    "二维码不是由绑定的设备签署，或内容被改动",
    "not signed by the device to which the licence is bound, or altered",
  ],
  "portrait-mismatch": [
    "照片与凭证中的照片摘要不符",
    "the portrait is not the one of the credential",
  ],
  "stamp-key-unknown": [
    "续期章的密钥不在信任列表中",
    "the key of the renewal stamp is not in the trust list",
  ],
  "stamp-mismatch": [
    "续期章不属于该凭证或系伪造",
    "the renewal stamp is of another credential, or forged",
  ],
  "stamp-malleated": [
    "续期章的签名形式被改写",
    "the signature of the renewal stamp was rewritten into its other form",
  ],
  "stamp-key-distrusted": [
    "续期章的密钥已不受信任，请持证人联网更新",
    "the key of the renewal stamp is no longer trusted; the holder renews online",
  ],
  "stamp-key-not-valid-then": [
    "续期时间不在密钥的有效期内",
    "stamped outside the period of its key",
  ],
  "stamp-stale": [
    "设备超过七天未联网续期，请持证人联网后重新出示",
    "the device was not renewed within seven days; the holder goes online and shows a new code",
  ],
  "stamp-not-yet-valid": [
    "续期时间晚于核验时间，请检查核验设备的时钟",
    "renewed after the time of the check: look at the verifier's clock",
  ],
  "status-list-unknown-key": [
    "状态列表的签名密钥不在信任列表中",
    "the status list is signed by a key that is not in the trust list",
  ],
  "status-list-algorithm-mismatch": [
    "状态列表的签名算法与密钥不符",
    "the algorithm of the status list is not the key's",
  ],
  "status-list-bad-signature": [
    "状态列表的签名验证失败",
    "the signature of the status list does not verify",
  ],
  "status-list-key-distrusted": [
    "状态列表的签名密钥已不受信任",
    "the key that signed the status list is no longer trusted",
  ],
  "status-list-key-not-valid-then": [
    "状态列表的签发时间不在签名密钥的有效期内",
    "the status list was signed outside the period of its key",
  ],
  "trust-other-root": [
    "信任列表不是由指定的根密钥签署",
    "the trust list is not signed by exactly the pinned roots",
  ],
  "trust-bad-signature": [
    "信任列表的签名验证失败",
    "a signature of the trust list does not verify",
  ],
  "trust-disagreement": ["各根密钥签署的信任列表不一致", "the roots signed different trust lists"],
  // what could not be checked, and what is past or not yet
  "not-fresh": [
    "不能证明是持证人当面出示：二维码已过时，或仅为证照文件",
    "not shown live by its holder: a code past its time, or a credential alone",
  ],
  "clock-off": [
    "二维码时间与核验时间相差过大，请检查双方设备的时钟，或请持证人重新出示",
    "the code's time is far from the time of the check: look at both clocks, or ask for a new code",
  ],
  "code-used": [
    "此码已使用过，请持证人重新出示",
    "this code was shown before; ask the holder for a new one",
  ],
  "needs-server": ["此码须联网核验", "this code can only be checked with the server"],
  "status-invalid": [
    "该电子凭证已失效或已被更换",
    "this credential is no longer in force, or was replaced",
  ],
  "status-suspended": [
    "驾驶证当前不可使用，请联系发证机关核实",
    "the licence cannot be used at present; ask the issuing authority",
  ],
  "status-red": [
    "驾驶证状态异常（红码）",
    "the licence is shown in red: it does not entitle at present",
  ],
  "status-list-stale": [
    "状态列表已过更新期限，未能核查驾驶证当前状态",
    "the status list is past its next update: the present status could not be checked",
  ],
  "trust-list-rolled-back": [
    "信任列表比本机用过的版本旧，结果不能视为有效",
    "the trust list is older than one that was used here; the result does not count as valid",
  ],
  "status-unknown": ["未能核查驾驶证当前状态", "the licence's status could not be checked"],
  "trust-list-stale": [
    "信任列表已过更新期限，结果不能视为有效",
    "the trust list is past its next update; the result does not count as valid",
  ],
  "key-unknown": [
    "签名密钥不在这份过期的信任列表中，请更新后再核验",
    "this outdated trust list does not know the signing key; update it and check again",
  ],
  "credential-expired": ["电子凭证已过技术有效期", "the credential is past its technical validity"],
  "credential-not-yet-valid": ["电子凭证尚未生效", "the credential is not in force yet"],
  "licence-expired": ["驾驶证已过有效期限", "the licence is past its validity"],
  "licence-not-yet-valid": ["驾驶证有效期尚未开始", "the licence's validity has not begun"],
} as const satisfies Record<string, readonly [string, string]>;
