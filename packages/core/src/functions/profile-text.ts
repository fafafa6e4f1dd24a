// A profile as a table, and as a trace that browsers show.
import type { Recording } from "../engine/profiling.ts";
import type { Profile } from "./profile.ts";

const longestName = 48;

export function profileTable(profile: Omit<Profile, "toString" | "toChromeTrace">): string {
  const { kernels, phases, totalMs, kernelMs, plans, scratchBytes, peaks } = profile;
  const share = (ms: number): string => (totalMs > 0 ? `${((100 * ms) / totalMs).toFixed(1)} %` : "–");
  const head = [
    "operations",
    "form",
    "loops",
    "runs",
    "total ms",
    "",
    "median",
    "GFLOP/s",
    "GB/s",
    "of peak",
    "scratch",
  ];
  const rows = kernels.map((kernel) => [
    shortened(kernel.operations.join(" + ")),
    kernel.form,
    kernel.dims,
    String(kernel.runs),
    kernel.totalMs.toFixed(3),
    share(kernel.totalMs),
    kernel.medianMs.toFixed(4),
    kernel.flops > 0 ? digits(kernel.gflopsPerSecond) : "–",
    digits(kernel.gigabytesPerSecond),
    Number.isFinite(kernel.peakShare)
      ? `${(100 * kernel.peakShare).toFixed(0)} % ${kernel.bound === "memory" ? "mem" : "fma"}`
      : "–",
    kernel.scratchBytes > 0 ? inBytes(kernel.scratchBytes) : "–",
  ]);
  const others = phases.map(({ phase, totalMs: ms }) => [phase, "", "", "", ms.toFixed(3), share(ms)]);
  const lines = aligned([head, ...rows, [], ...others], 3);
  const one = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
  const summary = `profile: ${totalMs.toFixed(3)} ms, ${kernelMs.toFixed(3)} ms of them in ${one(kernels.length, "kernel")} of ${one(plans, "plan")}, ${inBytes(scratchBytes)} of scratch`;
  const limits = peaks
    ? `peaks: ${digits(peaks.flopsPerSecond / 1e9)} GFLOP/s of multiply-adds (fma), ${digits(peaks.bytesPerSecond / 1e9)} GB/s of copying (mem), on one thread`
    : "peaks: not measured";
  return [summary, ...lines, limits].join("\n");
}

/** Columns of equal width, the first `left` of them flush left. */
function aligned(rows: readonly (readonly string[])[], left: number): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows.map((row) =>
    row
      .map((cell, i) => (i < left ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

const shortened = (name: string): string => (name.length <= longestName ? name : `${name.slice(0, longestName - 1)}…`);

/** Three digits, or all before the point. */
const digits = (x: number): string => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2));

function inBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 2 ** 20 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

type TraceEvent = Readonly<Record<string, unknown>>;

const programTrack = 1;

/** One track for what the main thread does, and one for the kernels of each device. Times are in microseconds. */
export function chromeTrace(recording: Recording): string {
  const { startMs, kernels, spans } = recording;
  const micros = (ms: number): number => Math.round(1e6 * ms) / 1000;
  const devices = [...new Set(kernels.map((kernel) => kernel.device))];
  const trackOf = (device: string): number => programTrack + 1 + devices.indexOf(device);
  const named = (tid: number, name: string): TraceEvent => ({
    name: "thread_name",
    ph: "M",
    pid: 1,
    tid,
    args: { name },
  });
  const events = spans.map(
    ({ phase, startMs: from, endMs }): TraceEvent => ({
      name: phase,
      cat: "program",
      ph: "X",
      pid: 1,
      tid: programTrack,
      ts: micros(from - startMs),
      dur: micros(endMs - from),
    }),
  );
  for (const { device, operations, form, dims, flops, bytes, scratchBytes, startsMs, timesMs } of kernels)
    startsMs.forEach((from, i) => {
      const ms = timesMs[i] ?? 0;
      events.push({
        name: operations.join(" + "),
        cat: form,
        ph: "X",
        pid: 1,
        tid: trackOf(device),
        ts: micros(from - startMs),
        dur: micros(ms),
        args: { form, loops: dims, flops, bytes, scratchBytes },
      });
    });
  const traceEvents = [
    named(programTrack, "program"),
    ...devices.map((device) => named(trackOf(device), `kernels (${device})`)),
    ...events.toSorted((a, b) => Number(a.ts) - Number(b.ts)),
  ];
  return JSON.stringify({ displayTimeUnit: "ms", traceEvents });
}
