// Would the conformance suite notice? Devices with one flaw each.
import { describe, expect, test } from "vitest";
import { type DType, elementBytes, isFloat, type TypedArray } from "../base/dtype.ts";
import type { Plan } from "../kernel/ir.ts";
import { add, neg } from "../ops/arithmetic.ts";
import { maximum } from "../ops/compare.ts";
import { sum } from "../ops/reduce.ts";
import { exp } from "../ops/transcendental.ts";
import type { Buffer } from "../runtime/device.ts";
import { registerDevice } from "../runtime/devices.ts";
import { createReferenceDevice } from "../runtime/reference.ts";
import { disagreement } from "./conformance.ts";
import { observedDevice } from "./observed-device.ts";
import { type Bound, blocked, exact, given, random, sample, ulps } from "./samples/sample.ts";

/** The reference device with `spoil` done to every result. */
function flawed(name: string, spoil: (x: number, dtype: DType, index: number) => number): string {
  const inner = createReferenceDevice();
  const spoilAll = (plan: Plan, outputs: readonly Buffer[]): void => {
    for (const slot of plan.slots) {
      const buffer = slot.kind === "output" ? outputs[slot.index] : undefined;
      if (!buffer) continue;
      const values: TypedArray = inner.read(buffer, slot.dtype, buffer.sizeBytes / elementBytes(slot.dtype));
      values.forEach((x, i) => {
        values[i] = spoil(x, slot.dtype, i);
      });
      inner.write(buffer, values);
    }
  };
  const device = observedDevice(name, inner, spoilAll);
  registerDevice(name, () => device);
  return name;
}

const x = random([2, 3]);
const special = given([4], [Number.NaN, -0, Number.POSITIVE_INFINITY, 1]);

describe("the conformance suite", () => {
  const away = (steps: number) => (value: number, dtype: DType) =>
    isFloat(dtype) ? value * (1 + steps * 2 ** -23) : value;

  test("passes a device without a flaw", () => {
    const device = flawed("flawless", (value) => value);
    for (const input of [x, special]) expect(disagreement(neg, sample([input]), exact, device, "plain")).toBeNull();
  });

  test("notices one unit in the last place where results are exact, and more than the bound elsewhere", () => {
    const [near, far] = [flawed("near", away(1)), flawed("far", away(4))];
    expect(disagreement(neg, sample([x]), exact, near, "plain")).toMatch(
      /^float32 \[2, 3\] {} plain on near: at \[0, 0\] .* [12] ulps/,
    );
    expect(disagreement(exp, sample([x]), ulps(2), near, "plain")).toBeNull();
    expect(disagreement(exp, sample([x]), ulps(2), far, "plain")).toContain(" ulps, ");
    const ofSize: Bound = { kind: "scaled", epsilons: 2, scale: (value = 0) => Math.abs(value) };
    expect(disagreement(neg, sample([x]), ofSize, near, "plain")).toBeNull();
    expect(disagreement(neg, sample([x]), ofSize, far, "plain")).not.toBeNull();
  });

  test("notices sums that are off by more than their terms explain", () => {
    const positive = sample([random([100], "float32", { low: 1, high: 2 })], { axes: [0] });
    expect(disagreement(sum, positive, blocked, flawed("sum a little off", away(2)), "plain")).toBeNull();
    expect(disagreement(sum, positive, blocked, flawed("sum far off", away(12)), "plain")).not.toBeNull();
    // 1 − 1 = 0 may come out as a rounding error of 1, but not of 100.
    const cancels = sample([given([2], [1, -1])], { axes: [0] });
    expect(
      disagreement(
        sum,
        cancels,
        blocked,
        flawed("rest", () => 1e-7),
        "plain",
      ),
    ).toBeNull();
    expect(
      disagreement(
        sum,
        cancels,
        blocked,
        flawed("large rest", () => 1e-5),
        "plain",
      ),
    ).not.toBeNull();
  });

  test.each<[string, (value: number) => number]>([
    ["NaN", (value) => (Number.isNaN(value) ? 0 : value)],
    ["the sign of zero", (value) => (value === 0 ? 0 : value)],
    ["infinity", (value) => (Math.abs(value) === Number.POSITIVE_INFINITY ? 3e38 : value)],
    ["a sign", (value) => Math.abs(value)],
  ])("notices that a device loses %s, whatever the bound", (what, spoil) => {
    const device = flawed(`loses ${what}`, spoil);
    const inputs = [given([5], [Number.NaN, 0, Number.POSITIVE_INFINITY, 1, Number.NEGATIVE_INFINITY])];
    expect(disagreement(neg, sample(inputs), exact, device, "plain")).not.toBeNull();
    expect(disagreement(neg, sample(inputs), ulps(2), device, "plain")).not.toBeNull();
  });

  test("notices integers and bools that are off by one, whatever the bound", () => {
    const device = flawed("off by one", (value, _, i) => (i === 3 ? value + 1 : value));
    const whole = random([2, 3], "int32");
    expect(disagreement(maximum, sample([whole, whole]), ulps(2), device, "plain")).toContain("at [1, 0]");
    expect(disagreement(sum, sample([random([2, 5], "int32")], { axes: [1] }), blocked, device, "plain")).toBeNull();
    expect(
      disagreement(sum, sample([random([5, 2], "int32")], { axes: [1] }), blocked, device, "plain"),
    ).not.toBeNull();
  });

  test("shows values through views, and other values where they repeat", () => {
    const device = flawed("keeps", (value) => value);
    for (const presentation of ["transposed", "reversed", "shifted", "strided", "computed", "repeated"] as const)
      for (const shape of [[], [0], [1], [5], [3, 4], [2, 1, 3]])
        expect(
          disagreement(
            add,
            sample([random(shape), random(shape, "float32", { seed: 2 })]),
            exact,
            device,
            presentation,
          ),
        ).toBeNull();
  });
});
