// The live socket: subscribes to what is shown, connects again with growing pauses, tells a listener what happens.

const FIRST_PAUSE = 500, LONGEST_PAUSE = 15000, SILENCE = 15000; // ms; the server says something every 5 s

export class Live {
  // `on` has: values(rows), state({connected, stale}), refused(), each called as it happens.
  constructor(on) {
    this.on = on;
    this.paths = new Set();
    this.pause = FIRST_PAUSE;
    this.ahead = 0; // ms by which the server's clock is ahead of ours
  }

  start() {
    this.stopped = false;
    this.connect();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.watch);
    this.socket?.close();
    this.socket = null;
  }

  // Microseconds since 1970 by the server's clock.
  now() {
    return (Date.now() + this.ahead) * 1000;
  }

  show(paths) {
    const wanted = new Set(paths);
    const subscribe = [...wanted].filter((path) => !this.paths.has(path));
    const unsubscribe = [...this.paths].filter((path) => !wanted.has(path));
    this.paths = wanted;
    if (subscribe.length || unsubscribe.length) this.send({ subscribe, unsubscribe });
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  connect() {
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/live`;
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.onopen = () => {
      this.pause = FIRST_PAUSE;
      this.listen();
      this.send({ subscribe: [...this.paths] });
    };
    socket.onmessage = (event) => {
      this.listen();
      this.take(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (this.socket !== socket || this.stopped) return;
      clearTimeout(this.watch);
      this.on.state({ connected: false, stale: false });
      if (event.code === 4401 || event.code === 4403) this.on.refused();
      this.timer = setTimeout(() => this.again(), this.pause * (0.5 + Math.random() / 2));
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
    };
  }

  // A page cannot see why a socket did not open; whoever is told may find the session over and stop us.
  again() {
    this.on.refused();
    if (!this.stopped) this.connect();
  }

  // A connection that fell silent is dead, even if nobody closed it.
  listen() {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.socket?.close(), SILENCE);
  }

  take(message) {
    if (message.now !== undefined) this.ahead = message.now / 1000 - Date.now();
    if (message.stale !== undefined) this.on.state({ connected: true, stale: message.stale });
    if (message.values) this.on.values(message.values);
  }
}
