// A push service of this machine, and the browser's half of a subscription: what arrives is opened as
// RFC 8291 says.

import { execFileSync } from "node:child_process";
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface PushService {
  /** What a platform needs in its configuration to speak to it. */
  readonly config: string;
  /** Where the one browser is reached, and its keys, as its page tells them. */
  readonly subscription: Subscription;
  /** What arrived, opened, in order. */
  readonly arrived: readonly string[];
  readonly stop: () => Promise<void>;
}

export interface Subscription {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

export async function pushService(): Promise<PushService> {
  const folder = mkdtempSync(join(tmpdir(), "jiazhao-push-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=push";
  execFileSync("openssl", [...made.split(" "), "-addext", "subjectAltName=DNS:localhost"].concat(
    ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", cert],
  ), { stdio: "ignore" });
  const browser = receiver();
  const arrived: string[] = [];
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      arrived.push(browser.opened(Buffer.concat(parts)));
      response.writeHead(201).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    config: `[push]\ncontact = "mailto:push@authority.example"\nservices = ["localhost:${port}"]\nca_file = "${cert}"\n`,
    subscription: { endpoint: `https://localhost:${port}/push/1`, keys: browser.keys },
    arrived,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

function receiver() {
  const ecdh = createECDH("prime256v1");
  const own = ecdh.generateKeys();
  const auth = randomBytes(16);
  const derived = (salt: Buffer, secret: Buffer, info: Buffer, length: number): Buffer =>
    Buffer.from(hkdfSync("sha256", secret, salt, info, length));
  return {
    keys: { p256dh: own.toString("base64url"), auth: auth.toString("base64url") },
    opened(body: Buffer): string {
      const [salt, length] = [body.subarray(0, 16), body[20] ?? 0];
      const [sender, sealed] = [body.subarray(21, 21 + length), body.subarray(21 + length)];
      const about = Buffer.concat([Buffer.from("WebPush: info\0"), own, sender]);
      const secret = derived(auth, ecdh.computeSecret(sender), about, 32);
      const key = derived(salt, secret, Buffer.from("Content-Encoding: aes128gcm\0"), 16);
      const nonce = derived(salt, secret, Buffer.from("Content-Encoding: nonce\0"), 12);
      const cipher = createDecipheriv("aes-128-gcm", key, nonce);
      cipher.setAuthTag(sealed.subarray(-16));
      const record = Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
      return record.subarray(0, record.lastIndexOf(2)).toString("utf8");
    },
  };
}
