/** The whole console: words and theme, then the sign-in page or the frame. */

import { QueryClient, QueryClientProvider, useQueryClient } from "@tanstack/react-query";
import { App as AntApp, ConfigProvider } from "antd";
import type { Locale } from "antd/es/locale";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { onSessionEnd, Problem } from "~/api/client";
import { live, onLiveDoubt } from "~/live";
import { pages } from "~/pages";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { Boundary } from "./boundary";
import { loadLanguage } from "./language";
import { type Language, usePreferences } from "./preferences";
import { ended, fetchSession, review, SESSION, useLapsed, useSessionQuery } from "./session";
import { themeConfig } from "./theme";

const loadFrame = () => import("./frame");
const SignIn = lazy(() => import("./signin/signin"));
const loadSignInAgain = () => import("./signin/again");
const SignInAgain = lazy(loadSignInAgain);
const Frame = lazy(loadFrame);

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, problem) =>
        failures < 2 && !(problem instanceof Problem && problem.status >= 400 && problem.status < 500),
      staleTime: 2000,
      // A box on one's own desk answers without any network, and without one "old" must be said instead of nothing.
      networkMode: "always",
    },
    // Nothing that was pressed is kept for when the network is back: nobody expects a machine to move then.
    mutations: { networkMode: "always" },
  },
});

/** The nonce that this page's style elements carry; Vite's placeholder in the document holds it. */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";

/** Ask for everything that the first page needs at once: one after the other would take as many round trips. */
export function begin(): void {
  void queries.prefetchQuery({ queryKey: SESSION, queryFn: fetchSession });
  void loadFrame();
  const { pathname } = window.location;
  const page = pages.find(({ path }) => pathname === path || (path !== "/" && pathname.startsWith(`${path}/`)));
  const below = pathname === page?.path ? undefined : page?.below?.[0];
  void (below ?? page)?.load();
}

export function Root() {
  const { language, theme } = usePreferences();
  const [loaded, setLoaded] = useState<{ language: Language; locale: Locale }>();
  const [failed, setFailed] = useState(false);
  const load = useCallback(() => {
    let wanted = true;
    setFailed(false);
    loadLanguage(language).then(
      (locale) => wanted && setLoaded({ language, locale }),
      () => wanted && setFailed(true),
    );
    return () => {
      wanted = false;
    };
  }, [language]);
  useEffect(load, [load]);
  useEffect(() => {
    // What the server said, it said in the other language.
    if (loaded) void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== SESSION[0] });
  }, [loaded]);
  if (!loaded) return failed ? <Unread onRetry={load} /> : <Boot />;
  return (
    <ConfigProvider
      locale={loaded.locale}
      theme={themeConfig(theme)}
      csp={{ nonce }}
      button={{ autoInsertSpace: false }}
    >
      <AntApp className="app" key={loaded.language}>
        <QueryClientProvider client={queries}>
          <Gate />
        </QueryClientProvider>
      </AntApp>
    </ConfigProvider>
  );
}

/** Who is not signed in sees the sign-in page, at whatever address; signed in, they are where they wanted to be. */
function Gate() {
  const client = useQueryClient();
  const { data: session, error, refetch } = useSessionQuery();
  const lapsed = useLapsed();
  useEffect(() => {
    const look = () => void review(client);
    onSessionEnd(() => ended(client));
    onLiveDoubt(look);
    addEventListener("focus", look);
    return () => removeEventListener("focus", look);
  }, [client]);
  const working = Boolean(session) && !lapsed;
  useEffect(() => {
    document.title = t("product");
    if (!working) return;
    void loadSignInAgain(); // when it is needed, what is open here must not depend on its coming
    live.start();
    return () => live.stop();
  }, [working]);
  if (session === undefined)
    return error ? (
      <div className="boot">
        <ProblemBox problem={error as Problem} onRetry={() => void refetch()} />
      </div>
    ) : (
      <Boot />
    );
  return (
    <Boundary>
      <Suspense fallback={<Boot />}>
        {session === null ? (
          <SignIn />
        ) : (
          // What is open stays, with all that was typed; nobody reads or reaches it until the person is back.
          <div className="behind" inert={lapsed}>
            <Frame />
          </div>
        )}
        {session && lapsed && (
          <Suspense fallback={null}>
            <SignInAgain />
          </Suspense>
        )}
      </Suspense>
    </Boundary>
  );
}

/** What the document itself shows until there is more. */
function Boot() {
  return (
    <div className="boot">
      <img src="/icon.svg" alt="" width="40" height="40" /> <b>Lineshaft 天轴</b>
    </div>
  );
}

/** The words did not come; these few are here in both languages. */
function Unread({ onRetry }: { onRetry: () => void }) {
  return (
    <div className="boot" role="alert">
      <p>
        The server does not answer. <span lang="zh">服务器没有回应。</span>
      </p>
      <button type="button" onClick={onRetry}>
        Try again <span lang="zh">重试</span>
      </button>
    </div>
  );
}
