/** Who is signed in, and what they may do. */

import { type QueryClient, useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { api, keepCsrf, type Problem, type Schemas, take } from "~/api/client";
import { Lapse } from "./lapse";

export type Session = Schemas["SessionView"];

export const SESSION = ["session"];

/** The session that has ended under what is open here, until somebody signs in again. */
const lapse = new Lapse();

/** The session; null where nobody is signed in. */
export async function fetchSession(): Promise<Session | null> {
  try {
    return began((await take(api.GET("/api/v1/access/session"))) as Session);
  } catch (problem) {
    if ((problem as Problem).status === 401) return null;
    throw problem;
  }
}

/** Keep what calls of this session need. */
export function began(session: Session): Session {
  keepCsrf(session.csrf ?? "");
  return session;
}

/** The session, and why it is not known. */
export function useSessionQuery() {
  return useQuery({ queryKey: SESSION, queryFn: fetchSession, staleTime: Number.POSITIVE_INFINITY });
}

export function useSession(): Session | null | undefined {
  return useSessionQuery().data;
}

export function useMay(): (action: string | undefined) => boolean {
  const session = useSession();
  return (action) => action === undefined || (session?.actions ?? []).includes(action);
}

/** Whether the session of who works here has ended. */
export function useLapsed(): boolean {
  return useSyncExternalStore(lapse.subscribe, lapse.lasts);
}

/** The server does not know the session any more. What is open stays, out of sight, for when the same person is back.
 * Resolves to whether they are. */
export function ended(client: QueryClient): Promise<boolean> {
  if (!client.getQueryData(SESSION)) return Promise.resolve(false);
  return lapse.begin();
}

/** Somebody is signed in: of what another person had here nothing is kept. */
export function enter(client: QueryClient, session: Session): void {
  const before = client.getQueryData<Session | null>(SESSION);
  if (before && before.id !== session.id) {
    leave();
    return;
  }
  client.setQueryData(SESSION, began(session));
  lapse.end(true);
}

/** Ask again who is signed in: another page of this browser may have signed out, or in as somebody else. */
export async function review(client: QueryClient): Promise<void> {
  if (!client.getQueryData(SESSION)) return;
  try {
    const session = await fetchSession();
    if (session) enter(client, session);
    else void ended(client);
  } catch {
    // Nobody answers: then nothing is known to have changed.
  }
}

/** Whether something is open here that would be lost: whoever has such a thing objects to its page being left. */
export function holdsUnsaved(): boolean {
  return !dispatchEvent(new Event("beforeunload", { cancelable: true }));
}

/** Begin anew at the first page, without a question; nothing of what was seen or typed here is kept. */
export function leave(): void {
  try {
    sessionStorage.clear();
  } catch {
    // storage may be switched off: then it holds nothing
  }
  addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), { capture: true });
  location.replace("/");
}
