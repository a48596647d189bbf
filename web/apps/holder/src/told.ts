// What a push says, in the words of a notification. It runs in the service worker: no page, no library.

export type Language = "zh" | "en";

/** A notification as it is shown. Nothing in it is about a person: it may lie on a locked screen. */
export interface Told {
  readonly title: string;
  readonly body: string;
  /** Of the same mark only the newest is shown. */
  readonly tag: string;
  readonly link: string;
}

const TITLE = ["电子驾驶证", "Driving Licence"] as const;

const WORDS: Readonly<Record<string, readonly [zh: string, en: string]>> = {
  "e-licence-issued": ["申领成功，电子驾驶证已可出示", "Your e-licence was issued and can be shown"],
  "e-licence-superseded": [
    "驾驶证信息已变更，请重新申领电子驾驶证",
    "Your licence changed: please apply for the e-licence again",
  ],
  "status-changed": ["驾驶证状态已变更，点击查看", "The status of your licence changed"],
  "application-rejected": ["申请未通过审核，点击查看原因", "Your application was rejected: see why"],
  "issue-refused": ["暂不能核发电子驾驶证，点击查看原因", "The e-licence cannot be issued yet: see why"],
  "binding-revoked": ["设备绑定已解除", "The binding of your device was ended"],
  "account-activated": ["账户已激活，如非本人操作请立即冻结", "Account activated. Not you? Freeze it now"],
  "account-recovered": ["账户密码已重设，如非本人操作请立即冻结", "Password set anew. Not you? Freeze the account"],
  "device-added": ["账户已添加新设备，如非本人操作请立即冻结", "New device added. Not you? Freeze the account"],
  "device-refused": [
    "有人在陌生设备上输入了正确的密码，已拒绝登录",
    "Your password was entered on an unknown device and refused",
  ],
  "device-replaced": ["已改由另一台设备出示，如非本人操作请立即冻结", "Another device shows your licence now. Not you? Freeze it"],
  "contact-changed": ["登记的手机号已变更，如非本人办理请立即冻结", "Your phone on record changed. Not you? Freeze the account"],
  "password-changed": ["账户密码已修改，如非本人操作请立即冻结", "Password changed. Not you? Freeze the account"],
  "account-frozen": ["账户已冻结", "The account is frozen"],
  "account-unfrozen": ["账户已解冻", "The account is no longer frozen"],
};
const OTHER = ["您有一条新消息", "You have a new message"] as const;

/** Pages of the app that a notification may open. */
const LINKS = ["/", "/messages"] as const;
const MESSAGES = "/messages";

/** What a push says; one that cannot be read still says that there is something. */
export function told(text: string | null, language: Language): Told {
  const said = parsed(text);
  const side = language === "en" ? 1 : 0;
  const words = (Object.hasOwn(WORDS, said.kind) ? WORDS[said.kind] : undefined) ?? OTHER;
  return {
    title: TITLE[side],
    body: words[side],
    tag: said.kind === "" ? "message" : said.kind,
    link: linkOf(said.link),
  };
}

/** Nothing but a page of this app is opened, whatever was said. */
export function linkOf(link: unknown): string {
  return LINKS.find((known) => known === link) ?? MESSAGES;
}

function parsed(text: string | null): { kind: string; link: unknown } {
  try {
    const said: unknown = JSON.parse(text ?? "");
    if (typeof said === "object" && said !== null && "kind" in said && typeof said.kind === "string") {
      return { kind: said.kind, link: "link" in said ? said.link : undefined };
    }
  } catch {
    // Not of our making.
  }
  return { kind: "", link: undefined };
}
