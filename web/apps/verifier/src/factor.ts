// The second factor (TOTP) as it is typed and read.

/** Digits as people type them, or none: six, with blanks or without. */
export function codeOf(text: string): string | null {
  const digits = text.replace(/\s/g, "");
  return /^\d{6}$/.test(digits) ? digits : null;
}

/** A key in groups of four, as a person copies it into an app. */
export function grouped(secret: string): string {
  return (secret.match(/.{1,4}/g) ?? []).join(" ");
}

/** The recovery codes as they are copied: one a line. */
export function lines(codes: readonly string[]): string {
  return codes.join("\n") + "\n";
}
