/** Which lines of a text are new, gone, or stayed. */

export interface Line {
  sign: "+" | "-" | " ";
  text: string;
}

/** Beyond this many lines on both sides the middle is shown as replaced as a whole. */
const MOST_CELLS = 4_000_000;

/** Lines of both texts in their order; what is common stays in one piece. */
export function difference(before: string, after: string): Line[] {
  const old = before.split("\n");
  const now = after.split("\n");
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  const same = (lines: string[]): Line[] => lines.map((text) => ({ sign: " ", text }));
  return [
    ...same(old.slice(0, head)),
    ...middle(old.slice(head, old.length - tail), now.slice(head, now.length - tail)),
    ...same(old.slice(old.length - tail)),
  ];
}

/** By the longest common run of lines. */
function middle(old: string[], now: string[]): Line[] {
  const gone = (text: string): Line => ({ sign: "-", text });
  const added = (text: string): Line => ({ sign: "+", text });
  if (old.length * now.length > MOST_CELLS) return [...old.map(gone), ...now.map(added)];
  const width = now.length + 1;
  // lengths[i * width + j]: how many lines old from i and now from j have in common
  const lengths = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = now.length - 1; j >= 0; j -= 1)
      lengths[i * width + j] =
        old[i] === now[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
  const found: Line[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const [left, right] = [old[i], now[j]];
    if (left !== undefined && left === right) {
      found.push({ sign: " ", text: left });
      i += 1;
      j += 1;
    } else if (
      left !== undefined &&
      (right === undefined || (lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0))
    ) {
      found.push(gone(left));
      i += 1;
    } else if (right !== undefined) {
      found.push(added(right));
      j += 1;
    }
  }
  return found;
}

/** Only what changed, with a few lines around; null stands for lines left out. */
export function hunks(lines: readonly Line[], around = 3): (Line | null)[] {
  const near = lines.map((_, place) =>
    lines.slice(Math.max(0, place - around), place + around + 1).some((line) => line.sign !== " "),
  );
  const found: (Line | null)[] = [];
  lines.forEach((line, place) => {
    if (near[place]) found.push(line);
    else if (found.at(-1) !== null) found.push(null);
  });
  return found;
}
