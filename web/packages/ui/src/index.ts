export { type Language, type Texts, languages, note, pick } from "./i18n.ts";
export { demonstration, keepShell, online, watchNetwork } from "./shell.ts";
export { Store } from "./store.ts";
export { ServerClock, moment } from "./time.ts";
export { default as LanguageSwitch } from "./LanguageSwitch.vue";
export { default as Segments } from "./Segments.vue";
export { default as ProblemNote } from "./ProblemNote.vue";
