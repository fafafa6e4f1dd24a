// What the test says about each class.

/** Counts of test images: `confusion[label][prediction]`. */
export type Confusion = readonly (readonly number[])[];

export interface ClassResult {
  readonly name: string;
  readonly count: number;
  /** Of the images that were taken for this class, the share that are of it. */
  readonly precision: number;
  /** Of the images of this class, the share that were found. */
  readonly recall: number;
}

export function confusionOf(labels: ArrayLike<number>, predictions: ArrayLike<number>, classes: number): Confusion {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) {
    const row = confusion[labels[i] ?? -1];
    const prediction = predictions[i] ?? -1;
    if (row !== undefined) row[prediction] = (row[prediction] ?? 0) + 1;
  }
  return confusion;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

export function classResults(confusion: Confusion, names: readonly string[]): ClassResult[] {
  return confusion.map((row, label) => {
    const found = row[label] ?? 0;
    return {
      name: names[label] ?? String(label),
      count: sum(row),
      precision: found / sum(confusion.map((other) => other[label] ?? 0)),
      recall: found / sum(row),
    };
  });
}

export const accuracyOf = (confusion: Confusion): number =>
  sum(confusion.map((row, label) => row[label] ?? 0)) / sum(confusion.map(sum));

/** NaN is what no image at all leaves: 0 / 0. */
export const percent = (share: number, digits = 2): string =>
  Number.isNaN(share) ? "–" : `${(100 * share).toFixed(digits)} %`;

export function classTable(results: readonly ClassResult[]): string {
  const rows = [
    ["class", "images", "precision", "recall"],
    ...results.map(({ name, count, precision, recall }) => [name, String(count), percent(precision), percent(recall)]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0))).join("   "),
    )
    .join("\n");
}
