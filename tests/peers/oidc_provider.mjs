// A foreign OpenID provider (oidc-provider) for the tests. One argument: {"port", "modules", "clients", "accounts"}.
// Says {"ready": true} on its standard output, and ends when its standard input does.

import path from "node:path";
import { pathToFileURL } from "node:url";

const given = JSON.parse(process.argv[2]);
const { Provider } = await import(pathToFileURL(path.join(given.modules, "oidc-provider/lib/index.js")));

const provider = new Provider(`http://127.0.0.1:${given.port}`, {
  clients: given.clients,
  claims: {
    openid: ["sub"], profile: ["preferred_username", "groups"], email: ["email", "email_verified"],
  },
  findAccount: (_, id) => (given.accounts[id]
    ? { accountId: id, claims: () => ({ sub: id, ...given.accounts[id] }) }
    : undefined),
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  cookies: { keys: ["for tests only"] },
});

const server = provider.listen(given.port, "127.0.0.1", () => console.log(JSON.stringify({ ready: true })));
process.stdin.resume();
process.stdin.on("end", () => { server.close(); process.exit(0); });
