import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layered, type Point, type Size } from "./layout.ts";

const spacing = { across: 10, down: 20 };
const box = (width: number, height = 10): Size => ({ width, height });
const at = (list: readonly Point[], i: number): Point => list[i] ?? { x: Number.NaN, y: Number.NaN };

describe("layered", () => {
  test("a chain stands upright, with straight edges", () => {
    const { places, routes, size } = layered(
      [box(30), box(50), box(30)],
      [
        [0, 1],
        [1, 2],
      ],
      spacing,
    );
    expect(places).toEqual([
      { x: 10, y: 0 },
      { x: 0, y: 30 },
      { x: 10, y: 60 },
    ]);
    expect(routes).toEqual([
      [
        { x: 25, y: 10 },
        { x: 25, y: 30 },
      ],
      [
        { x: 25, y: 40 },
        { x: 25, y: 60 },
      ],
    ]);
    expect(size).toEqual({ width: 50, height: 70 });
  });

  test("edges that would cross do not", () => {
    // 0 → 3, 1 → 2: the lower layer turns round.
    const { places } = layered(
      [box(10), box(10), box(10), box(10)],
      [
        [0, 3],
        [1, 2],
      ],
      spacing,
    );
    expect(at(places, 3).x).toBeLessThan(at(places, 2).x);
    expect(at(places, 0).x).toBe(at(places, 3).x);
  });

  test("a long edge goes round the box that it passes", () => {
    const { places, routes } = layered(
      [box(40), box(40), box(40)],
      [
        [0, 1],
        [1, 2],
        [0, 2],
      ],
      spacing,
    );
    const [, past] = routes[2] ?? [];
    const { x } = at(places, 1);
    expect(past && (past.x < x || past.x > x + 40)).toBe(true);
  });

  test("nothing at all, and no edges", () => {
    expect(layered([], [], spacing).places).toEqual([]);
    expect(layered([box(10), box(20)], [], spacing).places.map(({ y }) => y)).toEqual([0, 0]);
  });

  test("in any graph boxes do not touch, and edges lead down", () => {
    const graphs = fc.integer({ min: 1, max: 14 }).chain((count) =>
      fc.record({
        boxes: fc.array(
          fc.record({ width: fc.integer({ min: 5, max: 90 }), height: fc.integer({ min: 5, max: 60 }) }),
          {
            minLength: count,
            maxLength: count,
          },
        ),
        pairs: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 25 }),
      }),
    );
    fc.assert(
      fc.property(graphs, ({ boxes, pairs }) => {
        const edges = pairs
          .filter(([a, b]) => a !== b)
          .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);
        const { places, routes, size } = layered(boxes, edges, spacing);
        expect(layered(boxes, edges, spacing)).toEqual({ places, routes, size });
        boxes.forEach(({ width, height }, i) => {
          const { x, y } = at(places, i);
          expect(x).toBeGreaterThanOrEqual(-1e-9);
          expect(x + width).toBeLessThanOrEqual(size.width + 1e-9);
          expect(y + height).toBeLessThanOrEqual(size.height + 1e-9);
          boxes.slice(0, i).forEach((other, j) => {
            const { x: left, y: top } = at(places, j);
            const apart = x + width < left || left + other.width < x || y + height < top || top + other.height < y;
            expect(apart).toBe(true);
          });
        });
        routes.forEach((route, k) => {
          const [from = 0, to = 0] = edges[k] ?? [];
          expect(at(route, 0).y).toBeCloseTo(at(places, from).y + (boxes[from]?.height ?? 0), 6);
          expect(at(route, route.length - 1).y).toBeCloseTo(at(places, to).y, 6);
          route.slice(1).forEach((point, i) => {
            expect(point.y).toBeGreaterThan(at(route, i).y);
          });
        });
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});
