// Passkeys: the browser's authenticator, and the server that verifies what it proves.

import { call } from "./server.js";

const ROOT = "/api/v1/access";

// The options as the browser wants them: bytes where the JSON form has base64url.
function creation(options) {
  if (PublicKeyCredential.parseCreationOptionsFromJSON) return PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const excludeCredentials = (options.excludeCredentials ?? []).map((each) => ({ ...each, id: bytes(each.id) }));
  const user = { ...options.user, id: bytes(options.user.id) };
  return { ...options, challenge: bytes(options.challenge), user, excludeCredentials };
}

function request(options) {
  if (PublicKeyCredential.parseRequestOptionsFromJSON) return PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return { ...options, challenge: bytes(options.challenge), allowCredentials: [] };
}

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function text(buffer) {
  const plain = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return plain.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function json(credential) {
  const { response } = credential;
  const fields = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) fields[name] = text(response[name]);
  }
  if (response.getTransports) fields.transports = response.getTransports();
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: fields };
}

export const possible = () => Boolean(window.PublicKeyCredential && navigator.credentials);

// Both give null where the person or the authenticator does not want to.
async function ask(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

export async function register(label) {
  const { options } = await call("POST", `${ROOT}/passkeys:options`);
  const made = await ask(() => navigator.credentials.create({ publicKey: creation(options) }));
  return made && call("POST", `${ROOT}/passkeys`, { label, credential: json(made) });
}

export async function signIn() {
  const { options } = await call("POST", `${ROOT}/session:passkey-options`);
  const proof = await ask(() => navigator.credentials.get({ publicKey: request(options) }));
  return proof && call("POST", `${ROOT}/session:passkey`, { credential: json(proof) });
}
