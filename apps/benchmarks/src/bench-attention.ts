// `npm run bench:attention`: attention over 2048 tokens, block by block and with all weights in memory, and its gradients.
import {
  arange,
  manualSeed,
  randn,
  realize,
  scaledDotProductAttention,
  softmax,
  type Tensor,
  vjp,
  where,
} from "@cotangent/core";
import { Command } from "commander";
import { measure } from "./measure.ts";

new Command("bench:attention")
  .description(
    "Times attention over 2048 tokens and its gradients, block by block and with all weights in memory, on the default device.",
  )
  .parse();

const [heads, tokens, features] = [8, 2048, 64];

function whole(q: Tensor, k: Tensor, v: Tensor, causal: boolean): Tensor {
  const scores = q.matmul(k.transpose(-1, -2)).mul(features ** -0.5);
  const seen = causal ? where(arange(tokens).le(arange(tokens).reshape([-1, 1])), scores, -Infinity) : scores;
  return softmax(seen, { axis: -1 }).matmul(v);
}

manualSeed(1);
const placed = (): Tensor => {
  const x = randn([heads, tokens, features]);
  realize(x);
  return x;
};
const [q, k, v, g] = [placed(), placed(), placed(), placed()];
console.log(`${heads} heads, ${tokens} tokens, ${features} features: median (minimum) ms`);
for (const causal of [true, false])
  for (const [form, attention] of [
    ["block by block", (q: Tensor, k: Tensor, v: Tensor) => scaledDotProductAttention(q, k, v, { causal })],
    ["all weights", (q: Tensor, k: Tensor, v: Tensor) => whole(q, k, v, causal)],
  ] as const) {
    const times = await measure(
      {
        forward: () => attention(q, k, v).sum().item(),
        gradients: async () => {
          const [y, pullback] = vjp(attention, [q, k, v]);
          const results = [y, ...pullback(g)];
          realize(...results);
          for (const result of results) result.dispose();
        },
      },
      { warmUp: 3, rounds: 5, budgetMs: 2000 },
    );
    for (const [name, { medianMs, minMs }] of Object.entries(times))
      console.log(`${causal ? "causal" : "full"}, ${form}, ${name}: ${medianMs.toFixed(1)} (${minMs.toFixed(1)})`);
  }
