// Whether threads are worth it right now: on a machine that is busy with other things they may be slower than one.

/** More time lost than this, and threads have a rest. */
const limitMs = 1;
const firstRestMs = 10;
const longestRestMs = 250;

export class Balance {
  /** Time that was won or lost since the last time it counted. */
  private wonMs = 0;
  private restMs = firstRestMs;
  private restsUntilMs = 0;

  isResting(nowMs: number): boolean {
    return nowMs < this.restsUntilMs;
  }

  /** A job took `tookMs`; alone, this thread would have taken `aloneMs`. */
  note(aloneMs: number, tookMs: number, nowMs: number): void {
    this.wonMs += aloneMs - tookMs;
    if (this.wonMs > limitMs) {
      this.wonMs = 0;
      this.restMs = Math.max(firstRestMs, this.restMs * 0.9);
    }
    if (this.wonMs > -limitMs) return;
    this.wonMs = 0;
    this.restsUntilMs = nowMs + this.restMs;
    this.restMs = Math.min(longestRestMs, 2 * this.restMs);
  }
}
