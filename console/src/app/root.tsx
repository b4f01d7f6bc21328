/** The whole console: words and theme, then the sign-in page or the frame. */

import { QueryClient, QueryClientProvider, useQueryClient } from "@tanstack/react-query";
import { App as AntApp, ConfigProvider } from "antd";
import type { Locale } from "antd/es/locale";
import { lazy, Suspense, useEffect, useState } from "react";
import { onSessionEnd, Problem } from "~/api/client";
import { live, onLiveRefused } from "~/live";
import { pages } from "~/pages";
import { loadTexts, t } from "~/texts";
import { type Language, usePreferences } from "./preferences";
import { fetchSession, forget, SESSION, useSession } from "./session";
import { themeConfig } from "./theme";

const loadFrame = () => import("./frame");
const SignIn = lazy(() => import("./signin/signin"));
const Frame = lazy(loadFrame);

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, problem) =>
        failures < 2 && !(problem instanceof Problem && problem.status >= 400 && problem.status < 500),
      staleTime: 2000,
    },
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

async function loadLanguage(language: Language): Promise<Locale> {
  await loadTexts(language);
  return (language === "zh" ? await import("antd/locale/zh_CN") : await import("antd/locale/en_GB")).default;
}

export function Root() {
  const { language, theme } = usePreferences();
  const [loaded, setLoaded] = useState<{ language: Language; locale: Locale }>();
  useEffect(() => {
    let wanted = true;
    void loadLanguage(language).then((locale) => wanted && setLoaded({ language, locale }));
    return () => {
      wanted = false;
    };
  }, [language]);
  if (!loaded) return <Boot />;
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
  const session = useSession();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const end = () => {
      if (client.getQueryData(SESSION) === null) return;
      live.stop();
      forget(client);
      setOver(true);
    };
    onSessionEnd(end);
    onLiveRefused(end);
  }, [client]);
  useEffect(() => {
    document.title = t("product");
    if (!session) return;
    live.start();
    return () => live.stop();
  }, [session]);
  if (session === undefined) return <Boot />;
  return (
    <Suspense fallback={<Boot />}>{session ? <Frame /> : <SignIn notice={over ? t("signin.over") : ""} />}</Suspense>
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
