// Reading codes by the camera. The reader is WebAssembly, served by ourselves, loaded on demand.

import wasm from "zxing-wasm/reader/zxing_reader.wasm?url";

export interface Reading {
  stop(): void;
}

/** Between two looks at the picture. */
const PAUSE_MS = 60;

/** Shows the camera in the element and calls `onCode` once, with the first code that is read. */
export async function read(
  video: HTMLVideoElement,
  onCode: (text: string) => void,
): Promise<Reading> {
  const { prepareZXingModule, readBarcodes } = await import("zxing-wasm/reader");
  await prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true });
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } },
  });
  video.srcObject = stream;
  await video.play();
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let running = true;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const stop = (): void => {
    running = false;
    clearTimeout(timer);
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };

  const look = async (): Promise<void> => {
    const picture = frame(video, canvas, context);
    if (picture !== null) {
      const found = await readBarcodes(picture, {
        formats: ["QRCode", "Code128"],
        maxNumberOfSymbols: 1,
        tryHarder: true,
      });
      const text = found[0]?.text;
      if (running && text !== undefined && text !== "") {
        stop();
        onCode(text);
        return;
      }
    }
    if (running) timer = setTimeout(() => void look(), PAUSE_MS);
  };
  void look();
  return { stop };
}

function frame(
  video: HTMLVideoElement,
  canvas: HTMLCanvasElement,
  context: CanvasRenderingContext2D | null,
): ImageData | null {
  if (context === null || video.videoWidth === 0) return null;
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  context.drawImage(video, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
