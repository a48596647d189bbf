// What a verifier that stands alone remembers from one check to the next: the highest version of the
// trust list, and the codes of the last minutes.

import type { Integer } from "./cbor.ts";
import { CLOCK_OFF, LASTS } from "./window.ts";

export interface Remembered {
  readonly trust_version: string;
  /** By credential, the time of the latest code. */
  readonly shown: Readonly<Record<string, number>>;
}

export class Memory {
  private version: bigint;
  private readonly shown: Map<string, number>;

  constructor(kept?: Remembered) {
    this.version = BigInt(kept?.trust_version ?? 0);
    this.shown = new Map(Object.entries(kept?.shown ?? {}));
  }

  toJSON(): Remembered {
    return { trust_version: String(this.version), shown: Object.fromEntries(this.shown) };
  }

  /** Whether a later version of the trust list was seen here; else takes note of this one. */
  isRolledBack(version: Integer): boolean {
    if (BigInt(version) < this.version) return true;
    this.version = BigInt(version);
    return false;
  }

  /** Whether this credential's code of this time was not shown here before. */
  isNew(credentialId: string, time: number, now: number): boolean {
    for (const [id, shown] of this.shown) {
      if (now - shown > LASTS + CLOCK_OFF) this.shown.delete(id);
    }
    const before = this.shown.get(credentialId);
    if (before !== undefined && before >= time) return false;
    this.shown.set(credentialId, time);
    return true;
  }
}
