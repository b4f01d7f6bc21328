/** A guard's policy with learned rules at its end, and that change as lines. */

export interface LearnedRule {
  id: string;
  text: string;
}

export interface DiffLine {
  sign: "+" | " ";
  text: string;
}

/** Lines of the present policy that stand above what is added. */
const CONTEXT = 3;

export function joined(policy: string, rules: readonly LearnedRule[]): string {
  return [`${policy.replace(/\n+$/, "")}\n`, ...rules.map((rule) => rule.text)].join("\n");
}

export function proposedDiff(policy: string, rules: readonly LearnedRule[]): DiffLine[] {
  const before = policy.replace(/\n+$/, "").split("\n");
  const after = joined(policy, rules).replace(/\n+$/, "").split("\n");
  return [
    ...before.slice(-CONTEXT).map((text) => ({ sign: " " as const, text })),
    ...after.slice(before.length).map((text) => ({ sign: "+" as const, text })),
  ];
}

/** Rules that are not among those shown, or say something else by now. */
export function unseen(shown: readonly LearnedRule[], proposed: readonly LearnedRule[]): LearnedRule[] {
  const known = new Map(shown.map((rule) => [rule.id, rule.text]));
  return proposed.filter((rule) => known.get(rule.id) !== rule.text);
}
