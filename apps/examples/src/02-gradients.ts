// Automatic differentiation of a text-book example: f(x₁, x₂) = sin(x₁) + x₁·x₂ at (2, 3).
import { explain, grad, jvp, type Tensor, tensor } from "@cotangent/core";
import { Command } from "commander";

new Command("02-gradients")
  .description("Differentiates sin(x₁) + x₁·x₂ at (2, 3), in all ways that there are.")
  .parse();

const f = (x1: Tensor<[]>, x2: Tensor<[]>) => x1.sin().add(x1.mul(x2));
const [x1, x2] = [tensor(2), tensor(3)];

// Each line of the trace is one elementary operation. Forward mode carries a tangent along with each value, the
// derivative by one input: it takes one pass for each of the two. Reverse mode goes through the trace once, backwards,
// and carries adjoints, the derivatives of the result: x₁ is used twice, so what both uses contribute is added up.
const explanation = explain(f, [x1, x2]);
console.log(`${explanation}\n`);

// The same as programs use it. Forward mode: a value and one directional derivative. Reverse mode: the whole gradient.
const [value, along1] = jvp(f, [x1, x2], [tensor(1), tensor(0)]);
const [, along2] = jvp(f, [x1, x2], [tensor(0), tensor(1)]);
console.log("jvp: value", await value.item(), "derivatives", await along1.item(), await along2.item());

const [d1, d2] = grad(f, [0, 1])(x1, x2);
console.log("grad:", await d1.item(), await d2.item());

// Or in PyTorch's style: mark the inputs, compute, and call backward.
const [a, b] = [tensor(2, { requiresGrad: true }), tensor(3, { requiresGrad: true })];
f(a, b).backward();
console.log("backward:", await a.grad?.item(), await b.grad?.item());

// Transforms compose: the second derivative by x₁ is −sin(x₁).
console.log("∂²f/∂x₁²:", await grad(grad(f))(x1, x2).item(), "−sin 2:", -Math.sin(2));

// The graph for Graphviz: save what follows as graph.dot, then run dot -Tsvg graph.dot > graph.svg.
console.log(`\n${explanation.toDot()}`);
