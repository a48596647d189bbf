// A camera that looks at a picture.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes the film that Chromium's fake camera plays; answers its path and how to remove it. */
export function filmOf(picture: Buffer): { path: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "jiazhao-film-"));
  const still = join(folder, "still.png");
  const path = join(folder, "film.mjpeg");
  writeFileSync(still, picture);
  const fit = "scale=1280:720:force_original_aspect_ratio=decrease,pad=1280:720:-1:-1:gray";
  execFileSync("ffmpeg", ["-v", "error", "-loop", "1", "-i", still, "-t", "2", "-r", "10"].concat(
    ["-vf", fit, "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p", path],
  ));
  return {
    path,
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}
