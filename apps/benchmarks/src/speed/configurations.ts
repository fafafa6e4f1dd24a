// Who takes part, with which settings, and whether it is there at all.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { digitsFolder } from "./digits.ts";
import type { WorkloadName } from "./specification.ts";

export type FrameworkName = "cotangent" | "torch" | "jaxjs" | "tfjs";

export const frameworkNames: readonly FrameworkName[] = ["cotangent", "torch", "jaxjs", "tfjs"];

export const frameworkTitles: Readonly<Record<FrameworkName, string>> = {
  cotangent: "Cotangent",
  torch: "PyTorch",
  jaxjs: "jax-js",
  tfjs: "TensorFlow.js",
};

export interface Configuration {
  readonly id: string;
  readonly framework: FrameworkName;
  readonly title: string;
  readonly threads: number;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Not worth a place in a quick run. */
  readonly isExtra: boolean;
  /** The version of Node that runs it, where that is not ours. */
  readonly node?: string;
  /** What it takes part in; all without it. */
  readonly workloads?: readonly WorkloadName[];
}

const programs = fileURLToPath(new URL(".", import.meta.url));

/** Node strips the types itself: tsx would also make each function keep its name, which costs tiny steps a tenth. */
const worker = (framework: string): string[] => [
  process.execPath,
  "--conditions=@cotangent/source",
  `${programs}worker.ts`,
  framework,
];

/** The command that measures the machine's peaks with so many threads. */
export const peaksCommand = (threads: number): readonly string[] => [...worker("peaks"), String(threads)];

/** The command that profiles a workload on Cotangent. */
export const profileCommand = (workload: WorkloadName): readonly string[] => [...worker("profile"), workload];

const threadsTitle = (threads: number): string => (threads === 1 ? "1 thread" : `${threads} threads`);

function cotangent(threads: number): Configuration[] {
  const one = (id: string, count: number, note: string, environment: Record<string, string>): Configuration => ({
    id,
    framework: "cotangent",
    title: `Cotangent, ${threadsTitle(count)}${note}`,
    threads: count,
    command: worker("cotangent"),
    environment: { COTANGENT_THREADS: String(count), ...environment },
    isExtra: id !== `cotangent-${threads}`,
  });
  return [
    ...[...new Set([threads, 1])].map((count) => one(`cotangent-${count}`, count, "", {})),
    {
      ...one("cotangent-compiled", threads, ", compiled", {}),
      command: worker("cotangent-compiled"),
      workloads: ["W1", "W2", "W3", "W5", "W7", "W8"],
    },
    one("cotangent-baseline", threads, ", baseline", { COTANGENT_WASM: "baseline" }),
  ];
}

/** The path of another Node, which npm fetches once and keeps. */
function findNode(version: string): string {
  const args = ["exec", "--yes", "--package", `node@${version}`, "--call", "node -p process.execPath"];
  const { status, stdout, stderr } = spawnSync("npm", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`--nodes: npm found no Node ${version}: ${stderr.trim().split("\n")[0]}`);
  return stdout.trim();
}

/** Cotangent on other versions of Node. Those that can't strip types have tsx do it. */
export const onNodes = (versions: readonly string[], threads: number): Configuration[] =>
  versions.map((node) => {
    const [, ...args] = worker("cotangent");
    return {
      id: `cotangent-node-${node}`,
      framework: "cotangent",
      title: `Cotangent, ${threadsTitle(threads)}, Node ${node}`,
      threads,
      command: [findNode(node), ...(Number.parseInt(node, 10) < 24 ? ["--import", "tsx"] : []), ...args],
      environment: { COTANGENT_THREADS: String(threads) },
      isExtra: false,
      node,
    };
  });

/** A Python that can import torch. */
export function findPython(): string | null {
  const candidates = [process.env.PYTHON, "python3", "/usr/bin/python3", "python"];
  for (const candidate of candidates) {
    if (!candidate) continue;
    const { status } = spawnSync(candidate, ["-c", "import torch, numpy"], { stdio: "ignore" });
    if (status === 0) return candidate;
  }
  return null;
}

/**
 * Debian's OpenBLAS built on OpenMP. Otherwise BLAS has a thread pool of its own beside PyTorch's, and with both of
 * them spinning two threads can be slower than one.
 */
function openmpFolder(): string | null {
  const triplets = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
  return triplets.map((triplet) => `/usr/lib/${triplet}/openblas-openmp`).find((folder) => existsSync(folder)) ?? null;
}

/** Vectors of 512 bits, which no WebAssembly engine uses. Only Linux tells. */
function hasVectorsOf512Bits(): boolean {
  try {
    return /\bavx512f\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}

/** Keeps PyTorch's libraries to vectors of 256 bits: what it does with the same means as ours. */
const narrowVectors = { OPENBLAS_CORETYPE: "Haswell", DNNL_MAX_CPU_ISA: "AVX2", ATEN_CPU_CAPABILITY: "avx2" };

function torch(threads: number, python: string): Configuration[] {
  const folder = openmpFolder();
  const one = (id: string, count: number, note: string, environment: Record<string, string>): Configuration => ({
    id,
    framework: "torch",
    title: `PyTorch, ${threadsTitle(count)}${note}`,
    threads: count,
    command: [python, `${programs}pytorch.py`],
    environment: {
      OMP_NUM_THREADS: String(count),
      OPENBLAS_NUM_THREADS: String(count),
      MNIST_FOLDER: digitsFolder(),
      ...(folder === null ? {} : { LD_LIBRARY_PATH: folder }),
      ...environment,
    },
    isExtra: note !== "",
  });
  return [
    ...[...new Set([threads, 1])].map((count) => one(`torch-${count}`, count, "", {})),
    ...(hasVectorsOf512Bits() ? [one(`torch-${threads}-avx2`, threads, ", AVX2", narrowVectors)] : []),
  ];
}

function peer(framework: "jaxjs" | "tfjs", name: string): Configuration[] {
  try {
    createRequire(import.meta.url).resolve(name);
  } catch {
    return [];
  }
  const title = frameworkTitles[framework];
  const command = worker(framework);
  return [{ id: framework, framework, title, threads: 1, command, environment: {}, isExtra: false }];
}

/** All configurations of a framework on this machine; none where it is missing. */
export function configurationsOf(framework: FrameworkName, threads: number): Configuration[] {
  switch (framework) {
    case "cotangent":
      return cotangent(threads);
    case "torch": {
      const python = findPython();
      return python === null ? [] : torch(threads, python);
    }
    case "jaxjs":
      return peer("jaxjs", "@jax-js/jax");
    case "tfjs":
      return peer("tfjs", "@tensorflow/tfjs-backend-wasm");
  }
}

/** What takes a framework many seconds for a single step is left out of a quick run. */
const quickWorkloads: Readonly<Record<FrameworkName, readonly WorkloadName[]>> = {
  cotangent: ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8"],
  torch: ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8"],
  jaxjs: ["W1", "W3", "W6", "W7"],
  tfjs: ["W1", "W6", "W7"],
};

export const isQuick = ({ framework, isExtra }: Configuration, workload: WorkloadName): boolean =>
  !isExtra && quickWorkloads[framework].includes(workload);

/** Naive float32 summation of four million values is wrong in the third digit; these two are known for it. */
export const sumToleranceOf = (framework: FrameworkName): number =>
  framework === "jaxjs" || framework === "tfjs" ? 5e-3 : 1e-4;
