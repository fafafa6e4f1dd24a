// Runs a script in a page of headless Chromium, and waits for its answer.
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

export const howToGetChromium =
  "expected Chromium, found none. Install it (Debian: apt-get install chromium), or set CHROMIUM to where it is";

/** The program that `CHROMIUM` names, or the first of the usual names in `PATH`; null where there is none. */
export function findChromium(): string | null {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const usual = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const candidates = process.env.CHROMIUM ? [process.env.CHROMIUM] : usual;
  return candidates.find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Visit {
  /** Whether the page is cross-origin isolated: only then may it have threads that share memory. */
  readonly isolated: boolean;
  /** What the page's address ends with, for the script to read. */
  readonly search?: string;
  readonly contentSecurityPolicy?: string;
  readonly limitSeconds: number;
}

const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

const answerSchema = z.union([z.object({ result: z.unknown() }), z.object({ failure: z.string() })]);

/** What the script in a page answers (see answer.ts). Throws an error where it fails or says nothing in time. */
export async function runInChromium(chromium: string, script: string, visit: Visit): Promise<unknown> {
  const { isolated, search = "", contentSecurityPolicy: policy, limitSeconds } = visit;
  const profile = mkdtempSync(join(tmpdir(), "cotangent-chromium-"));
  const headers = { ...(isolated ? isolation : {}), ...(policy ? { "Content-Security-Policy": policy } : {}) };
  const { server, answered } = await serve(script, headers);
  const { port } = server.address() as AddressInfo;
  const browser = start(chromium, profile, `http://127.0.0.1:${port}/${search}`);
  const patience = new AbortController();
  try {
    const late = sleep(limitSeconds * 1000, undefined, { signal: patience.signal }).then(() => {
      throw new Error(`Chromium: expected an answer within ${limitSeconds} s, got none.\n${browser.errors()}`);
    });
    const answer = answerSchema.parse(JSON.parse(await Promise.race([answered, browser.ended, late])));
    if ("failure" in answer) throw new Error(`the page failed: ${answer.failure}`);
    return answer.result;
  } finally {
    patience.abort();
    await browser.stop();
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

const page =
  '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="/script.js"></script>';

function serve(
  script: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ server: Server; answered: Promise<string> }> {
  const { promise: answered, resolve: accept } = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      request.on("end", () => {
        response.end();
        accept(body);
      });
    } else if (request.url === "/script.js")
      response.writeHead(200, { ...headers, "Content-Type": "text/javascript" }).end(script);
    else response.writeHead(200, { ...headers, "Content-Type": "text/html" }).end(page);
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => resolve({ server, answered }));
  });
}

interface Browser {
  /** Rejects when it ends by itself, which it should not. */
  readonly ended: Promise<never>;
  stop(): Promise<void>;
  /** The last lines of what it says, with errors of the page. */
  errors(): string;
}

const quietFlags = [
  "--headless",
  "--disable-gpu",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-extensions",
  "--disable-sync",
  "--no-default-browser-check",
  "--no-first-run",
  "--enable-logging=stderr",
];

function start(chromium: string, profile: string, address: string): Browser {
  // Its sandbox needs rights that root's processes in containers lack.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const child = spawn(chromium, [...quietFlags, ...sandbox, `--user-data-dir=${profile}`, address], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: process.platform !== "win32",
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-20_000);
  });
  const errors = (): string => said.trim().split("\n").slice(-10).join("\n");
  const closed = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const ended = closed.then((status) => {
    throw new Error(`Chromium: expected it to stay, but it ended with status ${status}.\n${errors()}`);
  });
  const stop = async (): Promise<void> => {
    kill(child);
    await closed.catch(() => null);
  };
  return { ended, stop, errors };
}

/** With all its processes, which are one group where there are groups. */
function kill({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}
