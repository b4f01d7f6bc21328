/** The frame around every page: navigation, search, the state of the connection, time zone, person. */

import {
  CloudServerOutlined,
  DisconnectOutlined,
  KeyOutlined,
  LogoutOutlined,
  MenuFoldOutlined,
  MenuOutlined,
  MenuUnfoldOutlined,
  SearchOutlined,
  SyncOutlined,
  UserOutlined,
  WarningOutlined,
} from "@ant-design/icons";
import { App, Button, Drawer, Dropdown, Tooltip } from "antd";
import { type ComponentType, lazy, Suspense, useEffect, useMemo, useState } from "react";
import {
  createBrowserRouter,
  NavLink,
  Outlet,
  RouterProvider,
  useLocation,
  useMatches,
  useRouteError,
} from "react-router";
import { api, Problem, take } from "~/api/client";
import { useLink, useNow } from "~/live";
import { type Page, pages } from "~/pages";
import { clockTime, recent, zoneName } from "~/parts/format";
import { ProblemBox } from "~/parts/problem";
import { t } from "~/texts";
import { problemOf } from "./boundary";
import { Choices } from "./choices";
import { preferences, usePreferences } from "./preferences";
import { holdsUnsaved, leave, useMay, useSession } from "./session";
import * as passkeys from "./signin/passkeys";

const Search = lazy(() => import("./search"));
const PasswordForm = lazy(() => import("./password"));

/** The router draws a page anew for another address only; this one also for another zone of what it shows. */
function inOurZone(Content: ComponentType): ComponentType {
  return () => {
    usePreferences();
    return <Content />;
  };
}

function route(page: Page) {
  const lazily = (load: Page["load"]) => async () => ({ Component: inOurZone((await load()).default) });
  return [
    { path: page.path, lazy: lazily(page.load), handle: page },
    ...(page.below ?? []).map((each) => ({ path: `${page.path}/${each.path}`, lazy: lazily(each.load), handle: page })),
  ];
}

const router = createBrowserRouter([
  {
    element: <Around />,
    hydrateFallbackElement: <div className="page" />,
    children: [
      {
        element: <Admitted />,
        errorElement: <Broken />,
        children: [...pages.flatMap(route), { path: "*", element: <Nowhere /> }],
      },
    ],
  },
]);

export default function Frame() {
  return <RouterProvider router={router} />;
}

function Around() {
  const { folded } = usePreferences();
  const [searching, setSearching] = useState(false);
  const [menu, setMenu] = useState(false);
  const location = useLocation();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setSearching(true);
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  useEffect(() => setMenu(false), [location.pathname]);
  return (
    <div className={folded ? "frame folded" : "frame"}>
      <a className="skip" href="#content">
        {t("frame.skip")}
      </a>
      <aside className="side">
        <Navigation />
      </aside>
      <Drawer
        open={menu}
        onClose={() => setMenu(false)}
        placement="left"
        size={240}
        title={t("product")}
        className="side-drawer"
      >
        <Navigation />
      </Drawer>
      <header className="bar">
        <Button
          className="only-narrow"
          type="text"
          icon={<MenuOutlined />}
          aria-label={t("frame.menu")}
          onClick={() => setMenu(true)}
        />
        <button type="button" className="search-button" onClick={() => setSearching(true)}>
          <SearchOutlined />
          <span>{t("search.prompt")}</span>
          <kbd>Ctrl K</kbd>
        </button>
        <span className="grow" />
        <Connection />
        <Clock />
        <Choices />
        <Person />
      </header>
      <main id="content" className="content" tabIndex={-1}>
        <Suspense fallback={null}>
          <Outlet />
        </Suspense>
      </main>
      {searching && (
        <Suspense fallback={null}>
          <Search onClose={() => setSearching(false)} />
        </Suspense>
      )}
    </div>
  );
}

function Navigation() {
  const may = useMay();
  const { folded } = usePreferences();
  return (
    <>
      <NavLink to="/" className="brand" aria-label={folded ? t("product") : undefined}>
        <img src="/icon.svg" alt="" width="28" height="28" />
        <b>
          Lineshaft <span lang="zh">天轴</span>
        </b>
      </NavLink>
      <nav aria-label={t("frame.navigation")}>
        {pages
          .filter((page) => may(page.action))
          .map((page) => (
            <NavLink key={page.path} to={page.path} end={page.path === "/"} title={folded ? t(page.text) : undefined}>
              <page.icon />
              <span>{t(page.text)}</span>
            </NavLink>
          ))}
      </nav>
      <span className="grow" />
      <Button
        className="fold"
        type="text"
        icon={folded ? <MenuUnfoldOutlined /> : <MenuFoldOutlined />}
        aria-label={t(folded ? "frame.unfold" : "frame.fold")}
        onClick={() => preferences.set({ folded: !folded })}
      />
    </>
  );
}

/** Whether values are coming, and of when the newest is. */
function Connection() {
  const link = useLink();
  const time = link.newest ? recent(link.newest / 1000) : "";
  const icons = {
    live: <CloudServerOutlined />,
    connecting: <SyncOutlined spin />,
    stale: <WarningOutlined />,
    lost: <DisconnectOutlined />,
  };
  const sentence = time ? t(`link.${link.state}`, { time }) : t(`link.${link.state}_none`);
  return (
    <>
      <Tooltip title={t(`link.${link.state}_help`)}>
        <span className={`link link-${link.state}`}>
          {icons[link.state]} <span>{sentence}</span>
        </span>
      </Tooltip>
      {/* Read out when it changes; the time beside it changes each second. */}
      <span className="visually-hidden" role="status">
        {t(`link.${link.state}_none`)}
      </span>
    </>
  );
}

function Clock() {
  const now = useNow();
  const { utc } = usePreferences();
  return (
    <Tooltip title={t("frame.zone_switch")}>
      <button type="button" className="clock" onClick={() => preferences.set({ utc: !utc })}>
        <b>{clockTime(now / 1000)}</b> <span>{zoneName()}</span>
      </button>
    </Tooltip>
  );
}

function Person() {
  const session = useSession();
  const { message, modal } = App.useApp();
  const [changing, setChanging] = useState(false);
  const items = useMemo(
    () => [
      {
        key: "who",
        type: "group" as const,
        label: t("person.roles", { roles: session?.roles.map((role) => t(`role.${role}`)).join(", ") ?? "" }),
      },
      { key: "password", icon: <KeyOutlined />, label: t("person.password") },
      ...(passkeys.possible() ? [{ key: "passkey", icon: <KeyOutlined />, label: t("person.passkey") }] : []),
      { type: "divider" as const },
      { key: "out", icon: <LogoutOutlined />, label: t("person.out") },
    ],
    [session],
  );

  async function choose(key: string): Promise<void> {
    if (key === "password") setChanging(true);
    if (key === "passkey") {
      try {
        const made = await passkeys.register(navigator.platform || "browser");
        if (made) message.success(t("person.passkey_added"));
        else message.info(t("signin.passkey_unused"));
      } catch (problem) {
        message.error((problem as Problem).message);
      }
    }
    if (key === "out") {
      if (!holdsUnsaved()) await signOut();
      else
        modal.confirm({
          title: t("unsaved.title"),
          content: t("unsaved.text"),
          okText: t("person.out"),
          cancelText: t("unsaved.stay"),
          onOk: signOut,
        });
    }
  }

  /** Only where the server has ended the session it is over: else whoever comes next would still be this person. */
  async function signOut(): Promise<void> {
    try {
      await take(api.DELETE("/api/v1/access/session"));
    } catch (problem) {
      if ((problem as Problem).status !== 401) {
        message.error(t("person.still_in", { reason: (problem as Problem).message }), 10);
        return;
      }
    }
    leave();
  }

  return (
    <>
      <Dropdown trigger={["click"]} menu={{ items, onClick: ({ key }) => void choose(key) }}>
        <Button type="text" icon={<UserOutlined />} className="person">
          <span>{session?.name}</span>
        </Button>
      </Dropdown>
      {changing && (
        <Suspense fallback={null}>
          <PasswordForm onClose={() => setChanging(false)} />
        </Suspense>
      )}
    </>
  );
}

/** A page that failed: the rest of the console goes on. */
function Broken() {
  return (
    <div className="page">
      <ProblemBox problem={problemOf(useRouteError())} onRetry={() => location.reload()} />
    </div>
  );
}

/** An address may be sent to anybody; who may not do what its page is for is told so. */
function Admitted() {
  const may = useMay();
  const page = useMatches().at(-1)?.handle as Page | undefined;
  if (!page || may(page.action)) return <Outlet />;
  return (
    <div className="page">
      <ProblemBox problem={new Problem(403, "", t("frame.not_yours"), t("frame.not_yours_hint"))} />
    </div>
  );
}

function Nowhere() {
  return (
    <div className="page">
      <ProblemBox problem={new Problem(404, "", t("frame.nowhere"), t("frame.nowhere_hint"))} />
    </div>
  );
}
