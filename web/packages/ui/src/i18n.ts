// One catalogue for each app: every text stands there once in Chinese and once in English.

import { createI18n } from "vue-i18n";

export type Language = "zh" | "en";
export type Texts = Readonly<Record<string, readonly [zh: string, en: string]>>;

const KEPT = "jiazhao-language";

/** The language that was chosen before; Chinese first. */
function chosen(): Language {
  try {
    return localStorage.getItem(KEPT) === "en" ? "en" : "zh";
  } catch {
    return "zh";
  }
}

function side(texts: Texts, at: 0 | 1): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([key, pair]) => [key, pair[at]]));
}

export function languages(texts: Texts) {
  const i18n = createI18n({
    legacy: false,
    locale: chosen(),
    fallbackLocale: "zh",
    messages: { zh: side(texts, 0), en: side(texts, 1) },
  });
  note(chosen());
  return i18n;
}

/** Keeps the choice for the next time, and tells assistive tools what is being read. */
export function note(language: Language): void {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  try {
    localStorage.setItem(KEPT, language);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

/** Texts that come from the server in both languages. */
export function pick(language: string, zh: string, en: string): string {
  return language === "en" ? en : zh;
}
