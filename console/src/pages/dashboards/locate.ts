/** Where a field stands in a text of JSON, so that what is wrong with it can be shown there. */

/** Offsets of the value of `widgets[2].place.x`; of the nearest thing around it where the field is not there. */
export function locate(text: string, field: string): { from: number; to: number } | null {
  const wanted = field.match(/[^.[\]]+/g) ?? [];
  const found = { depth: -1, from: 0, to: 0 };
  let at = 0;

  const skip = () => {
    while (at < text.length && /\s/.test(text[at] as string)) at += 1;
  };
  function word(): string {
    const from = at;
    at += 1;
    while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    at += 1;
    return text.slice(from + 1, at - 1);
  }
  function value(path: string[]): void {
    skip();
    const from = at;
    if (text[at] === "{") items("}", path, true);
    else if (text[at] === "[") items("]", path, false);
    else if (text[at] === '"') word();
    else while (at < text.length && !/[\s,\]}]/.test(text[at] as string)) at += 1;
    const matches = path.length <= wanted.length && path.every((part, index) => part === wanted[index]);
    if (matches && path.length > found.depth) Object.assign(found, { depth: path.length, from, to: at });
  }
  function items(end: string, path: string[], named: boolean): void {
    at += 1;
    for (let index = 0; at < text.length; index += 1) {
      skip();
      if (text[at] === end) break;
      let key = String(index);
      if (named) {
        key = text[at] === '"' ? word() : "";
        skip();
        at += 1;
      }
      const before = at;
      value([...path, key]);
      skip();
      if (text[at] === ",") at += 1;
      else if (text[at] !== end && at === before) at += 1; // what is no JSON must not hold us here
    }
    at += 1;
  }
  value([]);
  return found.depth > 0 || wanted.length === 0 ? { from: found.from, to: Math.min(found.to, text.length) } : null;
}
