import BarcodeFormat from "@zxing/library/esm/core/BarcodeFormat";
import type BitMatrix from "@zxing/library/esm/core/common/BitMatrix";
import DataMatrixWriter from "@zxing/library/esm/core/datamatrix/DataMatrixWriter";
import QRCodeWriter from "@zxing/library/esm/core/qrcode/QRCodeWriter";
import { describe, expect, it } from "vitest";
import { readCode } from "./zxing";

const MODULE = 6;
const MARGIN = 30;

/** A code printed black on white, as pixels. */
function printed(code: BitMatrix): [Uint8ClampedArray, number, number] {
  const width = code.getWidth() * MODULE + 2 * MARGIN;
  const height = code.getHeight() * MODULE + 2 * MARGIN;
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < code.getHeight() * MODULE; y += 1)
    for (let x = 0; x < code.getWidth() * MODULE; x += 1)
      if (code.get(Math.floor(x / MODULE), Math.floor(y / MODULE)))
        pixels.fill(0, ((y + MARGIN) * width + x + MARGIN) * 4, ((y + MARGIN) * width + x + MARGIN) * 4 + 3);
  return [pixels, width, height];
}

describe("reading codes", () => {
  const text = "https://hdl.handle.net/88.100.1/HELLO";

  it("reads a QR code", () => {
    const code = new QRCodeWriter().encode(text, BarcodeFormat.QR_CODE, 0, 0, new Map());
    expect(readCode(...printed(code))).toBe(text);
  });

  it("reads a Data Matrix", () => {
    const code = new DataMatrixWriter().encode(text, BarcodeFormat.DATA_MATRIX, 0, 0, new Map());
    expect(readCode(...printed(code))).toBe(text);
  });

  it("finds nothing where there is no code", () => {
    expect(readCode(new Uint8ClampedArray(100 * 100 * 4).fill(180), 100, 100)).toBeUndefined();
  });
});
