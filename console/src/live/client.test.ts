import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveClient, type Sample, type Socket, seen } from "./client";

/** A server's end of the socket, by hand. */
class FakeSocket implements Socket {
  readyState = 0;
  sent: { subscribe: string[]; unsubscribe: string[] }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  drop(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

let sockets: FakeSocket[];
let frames: (() => void)[];
let ended: number;
let client: LiveClient;

const last = () => sockets.at(-1) as FakeSocket;
const frame = () => {
  for (const work of frames.splice(0)) work();
};

beforeEach(() => {
  vi.useFakeTimers();
  [sockets, frames, ended] = [[], [], 0];
  client = new LiveClient({
    open: () => {
      sockets.push(new FakeSocket());
      return last();
    },
    ended: () => {
      ended += 1;
    },
    frame: (work) => frames.push(work),
    random: () => 1,
  });
  client.start();
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
});

describe("what is subscribed", () => {
  it("is what somebody watches, in one message", () => {
    last().open();
    client.watch(["a", "b"], () => undefined);
    client.watch(["b", "c"], () => undefined);
    vi.advanceTimersByTime(50);
    expect(last().sent).toEqual([{ subscribe: ["a", "b", "c"], unsubscribe: [] }]);
  });

  it("ends with the last watcher, and the value is forgotten", () => {
    last().open();
    const first = client.watch(["a"], () => undefined);
    const second = client.watch(["a"], () => undefined);
    vi.advanceTimersByTime(50);
    last().say({ values: [["a", 1, 7, 0]] });
    first();
    vi.advanceTimersByTime(50);
    expect(last().sent).toHaveLength(1);
    second();
    vi.advanceTimersByTime(50);
    expect(last().sent[1]).toEqual({ subscribe: [], unsubscribe: ["a"] });
    expect(client.sample("a")).toBeUndefined();
  });

  it("is nothing while nobody looks at the page", () => {
    last().open();
    client.watch(["a"], () => undefined);
    vi.advanceTimersByTime(50);
    client.setHidden(true);
    vi.advanceTimersByTime(50);
    client.setHidden(false);
    vi.advanceTimersByTime(50);
    expect(last().sent.slice(1)).toEqual([
      { subscribe: [], unsubscribe: ["a"] },
      { subscribe: ["a"], unsubscribe: [] },
    ]);
  });

  it("scrolling back and forth within a moment says nothing", () => {
    last().open();
    const stop = client.watch(["a"], () => undefined);
    vi.advanceTimersByTime(50);
    stop();
    client.watch(["a"], () => undefined);
    vi.advanceTimersByTime(50);
    expect(last().sent).toHaveLength(1);
  });
});

describe("values", () => {
  it("are told once a frame, the last one wins", () => {
    const notice = vi.fn();
    last().open();
    client.watch(["a", "b"], notice);
    last().say({ values: [["a", 1, 1, 0]] });
    last().say({
      values: [
        ["a", 2, 2, 0],
        ["b", 2, true, 0],
      ],
    });
    expect(notice).not.toHaveBeenCalled();
    frame();
    expect(notice).toHaveBeenCalledTimes(1);
    expect(client.sample("a")?.value).toBe(2);
  });

  it("of a machine whose clock runs ahead are as old as when they came", () => {
    vi.setSystemTime(1_000);
    last().open();
    client.watch(["ahead", "right"], () => undefined);
    last().say({ stale: false, now: 1_000_000 });
    last().say({ values: [["ahead", 9_000_000, 1, 0]] });
    vi.setSystemTime(3_000);
    last().say({ values: [["right", 2_900_000, 1, 0]] });
    expect(seen(client.sample("ahead") as Sample)).toBe(1_000_000);
    expect(seen(client.sample("right") as Sample)).toBe(2_900_000);
    expect(client.getLink().newest).toBeLessThanOrEqual(2_900_000);
  });

  it("of others disturb nobody", () => {
    const notice = vi.fn();
    last().open();
    client.watch(["a"], notice);
    last().say({ values: [["b", 1, 1, 0]] });
    frame();
    expect(notice).not.toHaveBeenCalled();
  });

  it("that are refused have the server's reason", () => {
    last().open();
    client.watch(["a"], () => undefined);
    last().say({ subscribed: 0, refused: [{ path: "a", code: "x", message: "there is no tag 'a'" }] });
    expect(client.refusal("a")).toBe("there is no tag 'a'");
  });
});

describe("a lost connection", () => {
  it("makes every value old at once, until it comes anew", () => {
    last().open();
    client.watch(["a"], () => undefined);
    last().say({ values: [["a", 1, 1, 0]] });
    expect(client.isFresh(client.sample("a"))).toBe(true);
    last().drop();
    expect(client.getLink().state).toBe("lost");
    expect(client.isFresh(client.sample("a"))).toBe(false);
    vi.advanceTimersByTime(500);
    last().open();
    expect(client.isFresh(client.sample("a"))).toBe(false);
    expect(last().sent).toEqual([{ subscribe: ["a"], unsubscribe: [] }]);
    last().say({ values: [["a", 2, 1, 0]] });
    expect(client.isFresh(client.sample("a"))).toBe(true);
  });

  it("is tried again with growing pauses, at most 15 s", () => {
    last().open();
    for (const pause of [500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      const before = sockets.length;
      last().drop();
      vi.advanceTimersByTime(pause - 1);
      expect(sockets).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(sockets).toHaveLength(before + 1);
    }
  });

  it("is noticed where nobody closed it", () => {
    last().open();
    last().say({ stale: false, now: 1 });
    vi.advanceTimersByTime(14_999);
    expect(client.getLink().state).toBe("live");
    vi.advanceTimersByTime(1);
    expect(client.getLink().state).toBe("lost");
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(2);
  });

  it("is given up while it opens, where nothing comes of it", () => {
    vi.advanceTimersByTime(14_999);
    expect(sockets).toHaveLength(1);
    vi.advanceTimersByTime(501);
    expect(sockets).toHaveLength(2);
  });

  it("is tried again at once when the network is back, and only where it is lost", () => {
    last().open();
    client.hurry();
    expect(sockets).toHaveLength(1);
    for (const pause of [500, 1000, 2000]) {
      last().drop();
      vi.advanceTimersByTime(pause);
    }
    last().drop();
    client.hurry();
    expect(sockets).toHaveLength(5);
    client.hurry();
    expect(sockets).toHaveLength(5);
  });

  it("asks whether the session is still there", () => {
    last().open();
    last().drop(4401);
    expect(ended).toBe(1);
  });

  it("is not tried again once stopped", () => {
    last().open();
    client.stop();
    vi.advanceTimersByTime(60_000);
    expect(sockets).toHaveLength(1);
  });
});

describe("the state told", () => {
  it("is stale while the server has lost its bus", () => {
    last().open();
    last().say({ stale: true, now: 5 });
    expect(client.getLink().state).toBe("stale");
    last().say({ stale: false, now: 6 });
    expect(client.getLink().state).toBe("live");
  });

  it("has the newest time, about once a second", () => {
    const told: number[] = [];
    client.onLink(() => told.push(client.getLink().newest));
    last().open();
    client.watch(["a"], () => undefined);
    for (let ms = 0; ms < 3000; ms += 100) {
      last().say({ values: [["a", 1000 + ms, ms, 0]] });
      vi.advanceTimersByTime(100);
    }
    expect(told.length).toBeLessThan(8);
    expect(told.at(-1)).toBeGreaterThan(2900);
  });

  it("knows the server's clock", () => {
    vi.setSystemTime(1_000_000);
    last().open();
    last().say({ stale: false, now: 1_005_000_000 });
    expect(client.now()).toBe(1_005_000_000);
  });
});
