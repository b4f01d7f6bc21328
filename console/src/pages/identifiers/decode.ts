/** Reading QR codes and Data Matrix: by the browser where it can, else by a library that is loaded when it is needed. */

interface Detector {
  detect: (source: ImageBitmapSource) => Promise<{ rawValue: string }[]>;
}

interface DetectorClass {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats: () => Promise<string[]>;
}

const FORMATS = ["qr_code", "data_matrix"];
/** Pixels of the longer side that are looked at; more costs time and finds nothing more. */
const LONGEST = 1200;

type Read = (pixels: ImageData) => Promise<string | undefined>;

async function byBrowser(): Promise<Read | undefined> {
  const Native = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  if (!Native) return undefined;
  const formats = await Native.getSupportedFormats();
  if (!FORMATS.every((each) => formats.includes(each))) return undefined;
  const detector = new Native({ formats: FORMATS });
  return async (pixels) => (await detector.detect(pixels))[0]?.rawValue;
}

async function byLibrary(): Promise<Read> {
  const { readCode } = await import("./zxing");
  return (pixels) => Promise.resolve(readCode(pixels.data, pixels.width, pixels.height));
}

let chosen: Promise<Read> | undefined;

function reader(): Promise<Read> {
  chosen ??= byBrowser()
    .then((native) => native ?? byLibrary())
    .catch((error: unknown) => {
      chosen = undefined; // such as a chunk that did not come: the next look asks for it again
      throw error;
    });
  return chosen;
}

/** The text of the code in a picture; undefined where there is none. */
export async function read(source: CanvasImageSource, width: number, height: number): Promise<string | undefined> {
  const scale = Math.min(1, LONGEST / Math.max(width, height, 1));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return undefined;
  context.fillStyle = "#fff"; // what is transparent is paper
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return (await reader())(context.getImageData(0, 0, canvas.width, canvas.height));
}

/** The text of the code in an image file. */
export async function readImage(file: Blob): Promise<string | undefined> {
  const image = await createImageBitmap(file);
  try {
    return await read(image, image.width, image.height);
  } finally {
    image.close();
  }
}
