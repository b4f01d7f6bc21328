/** The time between a session's end and the next sign-in, for which everything that needs one waits. */

export class Lapse {
  private waiting: { promise: Promise<boolean>; resolve: (again: boolean) => void } | undefined;
  private listeners = new Set<() => void>();

  lasts = (): boolean => this.waiting !== undefined;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Resolves, with what `end` is told, when it is over; the same promise for everybody who asks meanwhile. */
  begin(): Promise<boolean> {
    if (!this.waiting) {
      let resolve: (again: boolean) => void = () => undefined;
      const promise = new Promise<boolean>((done) => {
        resolve = done;
      });
      this.waiting = { promise, resolve };
      this.tell();
    }
    return this.waiting.promise;
  }

  end(again: boolean): void {
    if (!this.waiting) return;
    this.waiting.resolve(again);
    this.waiting = undefined;
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
