/**
 * The live socket: one for the whole console, subscribed to what is on screen and nothing else.
 *
 * Whoever shows a tag watches its path. Watchers are counted; the first one subscribes, the last one unsubscribes.
 * Values are conflated to one round of notices per frame. When the connection is lost it is opened again with growing
 * pauses, and until a value arrives anew it counts as old: nothing stale looks fresh.
 */

export type Value = number | string | boolean | null;

export interface Sample {
  /** Source time, µs since 1970. */
  readonly time: number;
  readonly value: Value;
  /** OPC UA StatusCode. */
  readonly quality: number;
  /** Which connection brought it. */
  readonly link: number;
  /** When it came, µs since 1970 by the server's clock. */
  readonly arrived: number;
}

/** From when a sample is at the latest: a machine whose clock runs ahead does not make its values younger. */
export function seen(sample: Sample): number {
  return Math.min(sample.time, sample.arrived);
}

export type LinkState = "connecting" | "live" | "stale" | "lost";

export interface Link {
  readonly state: LinkState;
  /** Number of the connection; grows with each. */
  readonly number: number;
  /** From when the newest value is, µs; 0 before the first. */
  readonly newest: number;
}

/** What of a WebSocket is used; tests bring their own. */
export interface Socket {
  readonly readyState: number;
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: string }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
}

interface ServerMessage {
  values?: [path: string, time: number, value: Value, quality: number][];
  subscribed?: number;
  refused?: { path: string; code: string; message: string }[];
  stale?: boolean;
  now?: number;
}

export interface Options {
  open: () => Socket;
  /** Asked before each new attempt: is the session still there? */
  ended?: () => void;
  /** Calls back once, soon: a frame. */
  frame?: (work: () => void) => void;
  random?: () => number;
}

const OPEN = 1;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
/** The server says something every 5 s; a connection silent for longer is dead, even if nobody closed it. */
const SILENCE = 15_000;
/** Changes of what is shown are gathered for this long: a list that scrolls sends one message. */
const GATHER = 50;
/** Newest times are told this often, so that a clock does not redraw with every value. */
const TELL = 1000;

export class LiveClient {
  private socket: Socket | null = null;
  private watchers = new Map<string, Set<() => void>>();
  private subscribed = new Set<string>();
  private samples = new Map<string, Sample>();
  private refusals = new Map<string, string>();
  private changed = new Set<string>();
  private framed = false;
  private gathering: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private pause = FIRST_PAUSE;
  private began = false;
  private running = false;
  private hidden = false;
  private ahead = 0;
  private newest = 0;
  private told = 0;
  private link: Link = { state: "connecting", number: 0, newest: 0 };
  private linkListeners = new Set<() => void>();
  private readonly frame: (work: () => void) => void;
  private readonly random: () => number;

  constructor(private readonly options: Options) {
    this.frame = options.frame ?? ((work) => requestAnimationFrame(work));
    this.random = options.random ?? Math.random;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.connect();
  }

  /** Close, and forget everything: the next person sees nothing of this one's. */
  stop(): void {
    this.running = false;
    clearTimeout(this.retry);
    this.retry = undefined;
    clearTimeout(this.silence);
    this.socket?.close();
    this.socket = null;
    this.pause = FIRST_PAUSE;
    this.subscribed.clear();
    this.samples.clear();
    this.refusals.clear();
    this.began = false;
    this.newest = 0;
    this.setLink("connecting");
  }

  /** Microseconds since 1970 by the server's clock. */
  now = (): number => Math.round((Date.now() + this.ahead) * 1000);

  /** Show these paths until the returned function is called; `notice` is called after each change of one. */
  watch(paths: Iterable<string>, notice: () => void): () => void {
    const mine = [...new Set(paths)];
    for (const path of mine) {
      const notices = this.watchers.get(path) ?? new Set();
      notices.add(notice);
      this.watchers.set(path, notices);
    }
    this.gather();
    return () => {
      for (const path of mine) {
        const notices = this.watchers.get(path);
        notices?.delete(notice);
        if (notices?.size === 0) this.watchers.delete(path);
      }
      this.gather();
    };
  }

  sample(path: string): Sample | undefined {
    return this.samples.get(path);
  }

  /** Why the server does not give a path's values; undefined where it does. */
  refusal(path: string): string | undefined {
    return this.refusals.get(path);
  }

  /** Whether a sample came over the present, living connection. */
  isFresh(sample: Sample | undefined): boolean {
    return sample !== undefined && this.link.state === "live" && sample.link === this.link.number;
  }

  getLink = (): Link => this.link;

  onLink = (listener: () => void): (() => void) => {
    this.linkListeners.add(listener);
    return () => this.linkListeners.delete(listener);
  };

  /** A page that nobody looks at needs no values. */
  setHidden(hidden: boolean): void {
    this.hidden = hidden;
    this.gather();
  }

  /** There is reason to hope again, such as a network that is back: try now instead of after the pause. */
  hurry(): void {
    if (!this.running || this.retry === undefined) return;
    clearTimeout(this.retry);
    this.pause = FIRST_PAUSE;
    this.again();
  }

  private gather(): void {
    if (this.gathering !== undefined) return;
    this.gathering = setTimeout(() => {
      this.gathering = undefined;
      this.resubscribe();
    }, GATHER);
  }

  private resubscribe(): void {
    if (this.socket?.readyState !== OPEN) return;
    const wanted = this.hidden ? new Set<string>() : new Set(this.watchers.keys());
    const subscribe = [...wanted].filter((path) => !this.subscribed.has(path));
    const unsubscribe = [...this.subscribed].filter((path) => !wanted.has(path));
    // What is no longer watched is forgotten: seen again later it must not look fresh.
    for (const path of unsubscribe) this.samples.delete(path);
    this.subscribed = wanted;
    if (subscribe.length || unsubscribe.length) this.socket.send(JSON.stringify({ subscribe, unsubscribe }));
  }

  private connect(): void {
    const socket = this.options.open();
    this.socket = socket;
    this.listen(); // opening, too, may wait for an answer that never comes
    socket.onopen = () => {
      this.pause = FIRST_PAUSE;
      this.began = true;
      this.subscribed.clear();
      this.link = { ...this.link, number: this.link.number + 1 };
      this.setLink("live");
      this.listen();
      this.resubscribe();
    };
    socket.onmessage = (event) => {
      this.listen();
      this.take(JSON.parse(event.data) as ServerMessage);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket || !this.running) return;
      clearTimeout(this.silence);
      this.setLink(this.began ? "lost" : "connecting");
      if (event.code === 4401 || event.code === 4403) this.options.ended?.();
      clearTimeout(this.retry);
      this.retry = setTimeout(() => this.again(), this.pause * (0.5 + this.random() / 2));
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
    };
  }

  private again(): void {
    this.retry = undefined;
    // A page cannot see why a socket did not open: whoever is asked may find the session over, and stop us.
    this.options.ended?.();
    if (this.running) this.connect();
  }

  private listen(): void {
    clearTimeout(this.silence);
    const socket = this.socket;
    this.silence = setTimeout(() => {
      if (this.socket !== socket || socket === null) return;
      // Closing may itself wait for an answer that never comes; so we go on without it.
      socket.onclose?.({ code: 1006 });
      socket.onclose = null;
      socket.close();
    }, SILENCE);
  }

  private take(message: ServerMessage): void {
    if (message.now !== undefined) this.ahead = message.now / 1000 - Date.now();
    if (message.stale !== undefined) this.setLink(message.stale ? "stale" : "live");
    for (const refused of message.refused ?? []) {
      this.refusals.set(refused.path, refused.message);
      this.note(refused.path);
    }
    for (const [path, time, value, quality] of message.values ?? []) {
      const sample = { time, value, quality, link: this.link.number, arrived: this.now() };
      this.samples.set(path, sample);
      this.refusals.delete(path);
      this.newest = Math.max(this.newest, seen(sample));
      this.note(path);
    }
    const due = this.link.newest === 0 || Date.now() - this.told >= TELL;
    if (due && this.newest !== this.link.newest) this.setLink(this.link.state);
  }

  private note(path: string): void {
    this.changed.add(path);
    if (this.framed) return;
    this.framed = true;
    this.frame(() => {
      this.framed = false;
      const notices = new Set<() => void>();
      for (const changed of this.changed) for (const notice of this.watchers.get(changed) ?? []) notices.add(notice);
      this.changed.clear();
      for (const notice of notices) notice();
    });
  }

  private setLink(state: LinkState): void {
    this.told = Date.now();
    this.link = { ...this.link, state, newest: this.newest };
    for (const listener of this.linkListeners) listener();
  }
}
