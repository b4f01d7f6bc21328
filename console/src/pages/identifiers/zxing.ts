/** QR codes and Data Matrix by ZXing; only the two readers of it are taken. */

import BinaryBitmap from "@zxing/library/esm/core/BinaryBitmap";
import HybridBinarizer from "@zxing/library/esm/core/common/HybridBinarizer";
import DataMatrixReader from "@zxing/library/esm/core/datamatrix/DataMatrixReader";
import DecodeHintType from "@zxing/library/esm/core/DecodeHintType";
import QRCodeReader from "@zxing/library/esm/core/qrcode/QRCodeReader";
import RGBLuminanceSource from "@zxing/library/esm/core/RGBLuminanceSource";

const HINTS = new Map([[DecodeHintType.TRY_HARDER, true]]);

/** The text of a code in pixels (RGBA); undefined where there is none. */
export function readCode(pixels: Uint8ClampedArray, width: number, height: number): string | undefined {
  const grey = new Uint8ClampedArray(width * height);
  for (let place = 0; place < grey.length; place += 1) {
    const at = place * 4;
    // Luma of Rec. 601, in integers.
    grey[place] = ((pixels[at] ?? 0) * 306 + (pixels[at + 1] ?? 0) * 601 + (pixels[at + 2] ?? 0) * 117) >> 10;
  }
  for (const reader of [new QRCodeReader(), new DataMatrixReader()]) {
    const bitmap = new BinaryBitmap(new HybridBinarizer(new RGBLuminanceSource(grey, width, height)));
    try {
      return reader.decode(bitmap, HINTS).getText();
    } catch {
      // Nothing found by this reader: the library says so by an exception.
    }
  }
  return undefined;
}
