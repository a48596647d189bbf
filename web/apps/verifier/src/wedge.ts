// A wedge scanner (键盘式扫码枪): it types a code in one burst and presses Enter.

/** Longer pauses are a person's. */
const BURST_MS = 120;
const SHORTEST = 18;

/** Calls `onCode` for each burst that no field has taken; answers how to stop. */
export function hearWedge(onCode: (text: string) => void): () => void {
  let typed = "";
  let last = 0;
  const onKey = (event: KeyboardEvent): void => {
    if (event.target instanceof Element && event.target.closest("input, select, textarea")) return;
    const now = event.timeStamp;
    if (now - last > BURST_MS) typed = "";
    last = now;
    if (event.key === "Enter" && typed.length >= SHORTEST) {
      event.preventDefault();
      onCode(typed);
      typed = "";
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
      typed += event.key;
    }
  };
  document.addEventListener("keydown", onKey);
  return () => {
    document.removeEventListener("keydown", onKey);
  };
}
