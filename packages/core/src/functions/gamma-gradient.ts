// How a gamma-distributed number moves with its concentration, whatever it was drawn by.
import { makeNode, type Node } from "../graph/node.ts";
import { builder as b } from "../ops/builder.ts";
import { stopGradient } from "../ops/cast.ts";
import { type CustomRule, customResults } from "../ops/control.ts";
import { polygamma } from "../ops/special.ts";
import { tensor } from "../tensor/create.ts";

/** Nodes of the quadrature by v = exp(π/2·sinh t), t = first, …, last (Takahasi and Mori, 1974). */
const count = 80;
const [first, last] = [-3.5, 1.9];

function quadrature(device: string): { readonly places: Node; readonly weights: Node } {
  const step = (last - first) / (count - 1);
  const ts = Float64Array.from({ length: count }, (_, k) => first + k * step);
  const places = ts.map((t) => Math.exp((Math.PI / 2) * Math.sinh(t)));
  const weights = ts.map((t, k) => step * (Math.PI / 2) * Math.cosh(t) * (places[k] ?? 0));
  return { places: tensor(places, { device }).node, weights: tensor(weights, { device }).node };
}

/**
 * dx/dα of a sample x of the gamma distribution of concentration α, for float64 of one shape: −(∂P/∂α)/(∂P/∂x) with its
 * distribution function P (Figurnov, Mohamed and Mnih, "Implicit reparameterization gradients", 2018). With
 * c = ψ(α) − log x the numerator is an integral over p(t)·(log t − ψ(α)), from 0 to x where c > 0 and from x to ∞
 * elsewhere: on that side nothing cancels. With t = x·e^(∓s),
 *
 *     dx/dα = x ∫₀^∞ exp(∓αs − x·expm1(∓s))·(s ± c) ds
 *
 * to better than 10⁻⁷. Below x = 1 it follows from that of α + 1.
 */
function slopeOf(sample: Node, concentration: Node): Node {
  const num = (value: number): Node => b.num(value, sample);
  const { places, weights } = quadrature(sample.device);
  const column = (x: Node): Node => b.reshape(x, [...x.shape, 1]);
  // A sample of 0 is one too small for its dtype: it doesn't move.
  const x = b.max(sample, num(1e-300));
  const isLow = b.lt(x, num(1));
  const alpha = b.add(concentration, b.select(isLow, num(1), num(0)));
  const c = b.sub(makeNode(polygamma, [alpha], { order: 0 }), b.log(x));
  const sign = b.select(b.lt(c, num(0)), num(-1), num(1));
  // The integral doesn't depend on its scale.
  const scale = makeNode(stopGradient, [b.div(num(1), b.add(b.abs(b.sub(alpha, x)), b.sqrt(x)))]);
  const s = b.mul(column(scale), places);
  const turned = b.mul(column(sign), s);
  const exponent = b.neg(b.add(b.mul(column(alpha), turned), b.mul(column(x), b.expm1(b.neg(turned)))));
  const terms = b.mul(b.mul(b.exp(exponent), b.add(s, column(b.mul(sign, c)))), weights);
  const integral = b.mul(b.mul(x, scale), b.sum(terms, [sample.shape.length]));
  return b.select(isLow, b.mul(b.div(x, concentration), b.add(integral, c)), integral);
}

const slope = (sample: Node, concentration: Node): Node =>
  b.cast(slopeOf(b.cast(sample, "float64"), b.cast(concentration, "float64")), sample.dtype);

const times = (g: Node | null | undefined, sample: Node | undefined, concentration: Node | undefined): Node | null =>
  g && sample && concentration ? b.mul(g, slope(sample, concentration)) : null;

const rule: CustomRule = {
  vjp: ([g], [concentration], [sample]) => [times(g, sample, concentration)],
  jvp: ([dx], [concentration], [sample]) => [times(dx, sample, concentration)],
  batch: () => rule,
};

/** Samples of the gamma distribution with their derivatives by the concentration, which has their shape. */
export function differentiable(sample: Node, concentration: Node): Node {
  const [result] = customResults([concentration], [makeNode(stopGradient, [sample])], rule);
  return result ?? sample;
}
