// Times all shapes in a process of its own. Usage: tsx worker.ts matmul|conv SHARE
import { shapeCases } from "./cases.ts";
import { timeCase } from "./sweep.ts";

const [kind = "", share = "1"] = process.argv.slice(2);
if (kind !== "matmul" && kind !== "conv") throw new Error(`expected matmul or conv, got ${kind}`);
const rates = shapeCases()[kind].map((one) => timeCase(one, 120 * Number(share), 120 * Number(share)));
console.log(`RESULT ${JSON.stringify(rates)}`);
process.exit(0);
