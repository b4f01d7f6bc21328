/** Keys by which the server knows a repetition: what is sent again with the same content is the same command. */

const BYTES = 16;

function random(): string {
  return [...crypto.getRandomValues(new Uint8Array(BYTES))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class ContentKeys {
  readonly #keys = new Map<string, string>();

  of(content: unknown): string {
    const text = JSON.stringify(content);
    const key = this.#keys.get(text) ?? random();
    this.#keys.set(text, key);
    return key;
  }
}
