// Which page is shown. The path is the page's name, so that the back button and links work.

import { ref } from "vue";

export type Page = "licence" | "messages" | "account" | "freeze";

const PATHS: Readonly<Record<Page, string>> = {
  licence: "/",
  messages: "/messages",
  account: "/account",
  freeze: "/freeze",
};

function named(path: string): Page {
  const found = (Object.keys(PATHS) as Page[]).find((page) => PATHS[page] === path);
  return found ?? "licence";
}

export const page = ref<Page>(named(location.pathname));

/** The page behind a link of a notification. */
export function follow(link: string): void {
  go(named(link));
}

export function go(to: Page): void {
  if (to === page.value) return;
  history.pushState(null, "", PATHS[to]);
  page.value = to;
  scrollTo(0, 0);
}

addEventListener("popstate", () => {
  page.value = named(location.pathname);
});
