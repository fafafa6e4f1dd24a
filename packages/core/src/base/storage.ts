// What a computed node holds: a piece of a device's memory. Devices extend it; the graph only knows that it is there.

export interface Storage {
  readonly device: string;
  readonly sizeBytes: number;
  readonly isReleased: boolean;
  /** Gives the memory back at once. Reading it afterwards is an error, not a wrong number. */
  release(): void;
}
