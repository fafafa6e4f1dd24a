// The error function in double precision.

// Rational minimax approximations of W. J. Cody, "Rational Chebyshev approximations for the error function",
// Mathematics of Computation 23 (1969), highest power first.
const smallTop = [0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694];
const smallBottom = [1, 23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171];
const middleTop = [
  2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001, 881.952221241769,
  1712.0476126340707, 2051.0783778260716, 1230.3393547979972,
];
const middleBottom = [
  1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597,
  4362.619090143247, 3439.3676741437216, 1230.3393548037495,
];

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (const c of coefficients) sum = sum * x + c;
  return sum;
}

/** erf(x) = 2/√π ∫₀ˣ exp(−t²) dt, to a relative error below 1e-15. */
export function erf(x: number): number {
  const y = Math.abs(x);
  if (y <= 0.46875) {
    const square = y < 1e-160 ? 0 : y * y;
    return (x * polynomial(smallTop, square)) / polynomial(smallBottom, square);
  }
  if (Number.isNaN(x)) return x;
  // From here on erfc(y) < 3e-17, which 1 − erfc(y) cannot show.
  if (y >= 6) return Math.sign(x);
  // exp(−y²) with y = head + rest, so that the square's rounding error does not count.
  const head = Math.trunc(y * 16) / 16;
  const gauss = Math.exp(-head * head) * Math.exp(-(y - head) * (y + head));
  // Made for y ≤ 4; beyond, where it is less exact, erfc is too small for that to show.
  const complement = (gauss * polynomial(middleTop, y)) / polynomial(middleBottom, y);
  return Math.sign(x) * (0.5 - complement + 0.5);
}
