/** Passkeys: the browser's authenticator, and the server that verifies what it proves. */

import { api, type Schemas, take } from "~/api/client";

type Json = Record<string, unknown>;

export const possible = () => typeof PublicKeyCredential !== "undefined" && "credentials" in navigator;

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  const plain = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return plain.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** A credential in the form that the server reads. */
function json(credential: PublicKeyCredential): Json {
  const response = credential.response as AuthenticatorAttestationResponse & AuthenticatorAssertionResponse;
  const fields: Json = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"] as const) {
    const buffer = response[name];
    if (buffer) fields[name] = text(buffer);
  }
  if (typeof response.getTransports === "function") fields.transports = response.getTransports();
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: fields };
}

/** null where the person or the authenticator does not want to. */
async function ask(work: () => Promise<Credential | null>): Promise<PublicKeyCredential | null> {
  try {
    return (await work()) as PublicKeyCredential | null;
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

/** Sign in; null where no passkey was used. */
export async function signIn(): Promise<Schemas["SessionView"] | null> {
  const { options } = (await take(api.POST("/api/v1/access/session:passkey-options"))) as { options: Json };
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge as string),
    allowCredentials: [],
  } as unknown as PublicKeyCredentialRequestOptions;
  const proof = await ask(() => navigator.credentials.get({ publicKey }));
  if (!proof) return null;
  return (await take(
    api.POST("/api/v1/access/session:passkey", { body: { credential: json(proof) } }),
  )) as Schemas["SessionView"];
}

/** Add a passkey; false where none was made. */
export async function register(label: string): Promise<boolean> {
  const { options } = (await take(api.POST("/api/v1/access/passkeys:options"))) as { options: Json };
  const user = options.user as Json;
  const excluded = (options.excludeCredentials ?? []) as Json[];
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge as string),
    user: { ...user, id: bytes(user.id as string) },
    excludeCredentials: excluded.map((each) => ({ ...each, id: bytes(each.id as string) })),
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = await ask(() => navigator.credentials.create({ publicKey }));
  if (!made) return false;
  await take(api.POST("/api/v1/access/passkeys", { body: { label, credential: json(made) } }));
  return true;
}
