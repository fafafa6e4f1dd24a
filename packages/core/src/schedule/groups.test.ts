import { expect, test } from "vitest";
import { aligned, type Frame, type Group } from "./groups.ts";

const loops = (frame: Frame): Group => ({ kind: "loop", frame, heads: [] });

test("rows without elements and loops over nothing are cut in the same places", () => {
  const rows = loops({ outer: [4], inner: [0] });
  const all = loops({ outer: [4, 0], inner: [] });
  expect(aligned(rows, all)).toEqual([rows, all]);
  expect(aligned(all, rows)).toEqual([all, rows]);
});

test("loops over the elements of rows are cut where the rows end", () => {
  const rows = loops({ outer: [4], inner: [6] });
  const cut = loops({ outer: [4, 6], inner: [] });
  expect(aligned(rows, loops({ outer: [24], inner: [] }))).toEqual([rows, cut]);
  expect(aligned(rows, loops({ outer: [8, 3], inner: [] }))).toEqual([
    loops({ outer: [4], inner: [2, 3] }),
    loops({ outer: [4, 2, 3], inner: [] }),
  ]);
});
