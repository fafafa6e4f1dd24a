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

test("losses lead to rests ten times as long, however often", () => {
  const balance = new Balance();
  // 10 ms of losses are free at first.
  let [, end] = firstRest(balance, 0, 0.5);
  expect(end).toBe(32);
  for (let i = 0; i < 9; i++) {
    const [from, to] = firstRest(balance, end, 0.5);
    expect([from - end, to - from]).toEqual([2, 10]);
    end = to;
  }
  balance.note(0.5, 4.5, end);
  expect([balance.isResting(end + 39), balance.isResting(end + 40)]).toEqual([true, false]);
  balance.note(0.5, 1000, end);
  expect([balance.isResting(end + 99), balance.isResting(end + 100)]).toEqual([true, false]);
});

test("what was won pays for a job that comes late, but not for a machine that stays busy", () => {
  const balance = new Balance();
  for (let i = 0; i < 1000; i++) balance.note(1.9, 1, i);
  balance.note(1, 10, 1000);
  expect(balance.isResting(1000)).toBe(false);
  const [from] = firstRest(balance, 1000, 0.5);
  expect(from - 1000).toBe(4);
});

test("a single loss does not undo what was won", () => {
  const balance = new Balance();
  for (let i = 0; i < 1000; i++) {
    balance.note(1.9, 1, i);
    balance.note(1.9, 2.5, i);
  }
  expect(balance.isResting(1000)).toBe(false);
});
