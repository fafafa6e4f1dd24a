// What one sees of a running training: a bar on a terminal, one line per epoch elsewhere.
import { SingleBar } from "cli-progress";

export class Progress {
  readonly #epochs: number;
  readonly #steps: number;
  readonly #bar?: SingleBar;
  #epoch = 0;
  #step = 0;
  #images = 0;
  #lossSum = 0;
  #startMs = 0;

  constructor(epochs: number, steps: number) {
    this.#epochs = epochs;
    this.#steps = steps;
    if (process.stdout.isTTY)
      this.#bar = new SingleBar({
        stream: process.stdout,
        format: "{title} {bar} {percentage} % | loss {loss} | {speed} images/s | {eta_formatted}",
        barsize: 24,
        barCompleteChar: "█",
        barIncompleteChar: "░",
        fps: 8,
        clearOnComplete: true,
        // Changing the terminal's line wrapping would outlast a Ctrl-C.
        linewrap: true,
      });
  }

  startEpoch(): void {
    this.#epoch++;
    this.#step = 0;
    this.#images = 0;
    this.#lossSum = 0;
    this.#startMs = performance.now();
    this.#bar?.start(this.#steps, 0, { title: this.#title(), loss: "–", speed: "–" });
  }

  step(loss: number, images: number): void {
    this.#step++;
    this.#lossSum += loss * images;
    this.#images += images;
    this.#bar?.update(this.#step, { loss: this.#loss(), speed: this.#speed() });
  }

  endEpoch(): void {
    this.#bar?.stop();
    const seconds = (performance.now() - this.#startMs) / 1000;
    console.log(`${this.#title()}: loss ${this.#loss()}, ${this.#speed()} images/s, ${seconds.toFixed(1)} s`);
  }

  #title(): string {
    return `epoch ${this.#epoch}/${this.#epochs}`;
  }

  #loss(): string {
    return (this.#lossSum / this.#images).toFixed(4);
  }

  #speed(): string {
    return Math.round((1000 * this.#images) / (performance.now() - this.#startMs)).toLocaleString("en");
  }
}
