/** The one word that an administrator carries to a machine that enrols; `lineshaft edge enrol` reads it. */

interface Invitation {
  name: string;
  secret: string;
  url: string;
  authority: string;
}

export function enrolmentToken({ url, authority, name, secret }: Invitation): string {
  const bytes = new TextEncoder().encode(JSON.stringify({ u: url, a: authority, n: name, s: secret }));
  const text = btoa(String.fromCharCode(...bytes));
  return `lse1.${text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}
