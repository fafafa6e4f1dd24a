import { expect, test } from "vitest";
import { Balance } from "./balance.ts";

/** Jobs of 1 ms, from `start` on. Returns when the first rest began and ended. */
function firstRest(balance: Balance, start: number, aloneMs: number): [number, number] {
  let now = start;
  while (!balance.isResting(now)) balance.note(aloneMs, 1, ++now);
  const begin = now;
  while (balance.isResting(now)) now++;
  return [begin, now];
}

test("losses lead to rests, longer each time, until threads win again", () => {
  const balance = new Balance();
  let end = 0;
  const rests = Array.from({ length: 9 }, () => {
    const [from, to] = firstRest(balance, end, 0.5);
    expect(from - end).toBe(2);
    end = to;
    return to - from;
  });
  expect(rests).toEqual([10, 20, 40, 80, 160, 250, 250, 250, 250]);
  for (let i = 0; i < 100; i++) balance.note(1.9, 1, end);
  expect(balance.isResting(end)).toBe(false);
  const [from, to] = firstRest(balance, end, 0.5);
  expect(to - from).toBe(10);
});

test("a single loss does not undo what was won", () => {
  const balance = new Balance();
  for (let i = 0; i < 1000; i++) {
    balance.note(1.9, 1, i);
    balance.note(1.9, 2.5, i);
  }
  expect(balance.isResting(1000)).toBe(false);
});
