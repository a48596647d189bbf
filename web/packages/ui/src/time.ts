// Times as people in China read them.

const ZONE = "Asia/Shanghai";

const clock = new Intl.DateTimeFormat("sv-SE", {
  timeZone: ZONE,
  dateStyle: "short",
  timeStyle: "medium",
});

/** `2026-03-01 09:30:00` in Asia/Shanghai. */
export function moment(at: string | number): string {
  return clock.format(new Date(at));
}

/** The server's clock as this device knows it: its own, corrected by what answers said. */
export class ServerClock {
  private offset = 0;

  /** Takes the server's time from an answer that has just come. */
  set(server: string | number): void {
    const at = typeof server === "number" ? server * 1000 : Date.parse(server);
    if (Number.isFinite(at)) this.offset = at - Date.now();
  }

  /** Milliseconds since 1970. */
  now(): number {
    return Date.now() + this.offset;
  }
}
