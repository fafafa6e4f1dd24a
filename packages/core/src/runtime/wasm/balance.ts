// Whether threads are worth it right now: on a machine that is busy with other things they may be slower than one.

/** What was won pays for what is lost later, up to so much: a single job that comes late is no reason to rest. */
const mostSavedMs = 10;
/** More time lost than this beyond what was saved, and threads have a rest. */
const limitMs = 1;
/** Rests are so much longer than what was lost: trying again and again costs a tenth at most. */
const restPerLost = 10;
const longestRestMs = 100;

export class Balance {
  /** Time that was won with threads and not lost again; a loan at first, when V8's compilers want the other cores. */
  private savedMs: number = mostSavedMs;
  private restsUntilMs = 0;

  isResting(nowMs: number): boolean {
    return nowMs < this.restsUntilMs;
  }

  /** A job took `tookMs`; alone, this thread would have taken `aloneMs`. */
  note(aloneMs: number, tookMs: number, nowMs: number): void {
    this.savedMs = Math.min(mostSavedMs, this.savedMs + aloneMs - tookMs);
    if (this.savedMs > -limitMs) return;
    this.restsUntilMs = nowMs + Math.min(longestRestMs, -restPerLost * this.savedMs);
    this.savedMs = 0;
  }
}
