/** Who is signed in, and what they may do. */

import { type QueryClient, useQuery } from "@tanstack/react-query";
import { api, keepCsrf, type Problem, type Schemas, take } from "~/api/client";

export type Session = Schemas["SessionView"];

export const SESSION = ["session"];

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

export function useSession(): Session | null | undefined {
  return useQuery({ queryKey: SESSION, queryFn: fetchSession, staleTime: Number.POSITIVE_INFINITY }).data;
}

export function useMay(): (action: string | undefined) => boolean {
  const session = useSession();
  return (action) => action === undefined || (session?.actions ?? []).includes(action);
}

/** Nobody is signed in any more; nothing of what they saw is kept. */
export function forget(client: QueryClient): void {
  client.setQueryData(SESSION, null);
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION[0] });
}
