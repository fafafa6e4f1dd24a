// Linear algebra against PyTorch's values and gradients, by what must hold, and where matrices are singular or degenerate.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as ct from "../index.ts";
import { deviceNames, grad, type Tensor, tensor, vmap, zeros } from "../index.ts";
import { allclose } from "../testing/allclose.ts";
import { gradcheck } from "../testing/gradcheck.ts";
import { seededValues } from "../testing/seeded-values.ts";

const { device: usual } = zeros([]);
const f64 = (values: ct.Tensor | readonly (readonly number[])[] | readonly number[]): Tensor =>
  tensor(values as number[][], { dtype: "float64" });
const turned = (x: Tensor): Tensor => ct.transpose(x, -2, -1);

const dataA = [
  [2, -1, 0.5],
  [1, 3, -2],
  [0.25, 1.5, 4],
];
const dataT = [
  [1, 2],
  [-0.5, 1.5],
  [3, -1],
  [0.25, 2.5],
];
const dataB = [
  [1, -2],
  [0.5, 3],
  [2, 1],
];
const dataW = [
  [0.3, -0.7, 1.1],
  [0.9, 0.2, -0.4],
  [-1.3, 0.6, 0.8],
];

/** [f(x), ∂f/∂x] of PyTorch 1.13 in float64, x being A or T. */
const goldens: Record<string, readonly [number, readonly number[]]> = {
  cholesky: [
    3.249983523577631,
    [
      0.8617041801730781, 0.031965236250629456, -2.50801638995463, 0.8584826462317771, 0.2144868114902178,
      0.7784337558369337, -0.7311858336181838, 1.3541908964140021, 0.10696994889030409,
    ],
  ],
  choleskySolve: [
    0.16605668216127473,
    [
      -0.12087187255352559, 0.11144722027463136, -0.03892757442723274, 0.013137573063197893, -0.05291193868627957,
      -0.006862984152326199, 0.00017740694550435207, -0.03772719880642942, -0.005133286457398004,
    ],
  ],
  solve: [
    1.8170276589457997,
    [
      -0.5013318436686419, 0.5999724003147856, -0.23312147328722055, 0.07183547898553799, -0.453331667406388,
      -0.02189800650061456, -0.02720424628109897, -0.2823248880783035, -0.060051647418948265,
    ],
  ],
  solveTriangular: [
    2.5438368055555554,
    [
      -0.6202256944444445, 0.2465277777777778, -0.19270833333333331, 0.0, -0.9918981481481478, -0.42534722222222215,
      0.0, 0.0, -0.3448350694444444,
    ],
  ],
  inverse: [
    0.0035842293906810097,
    [
      0.04146914864916946, -0.0009712105445716407, -0.13771148880410067, -0.14242365848331856, 0.07302578332755232,
      -0.014719749232409655, 0.04009198237432718, -0.06497861024395885, -0.009321565755835617,
    ],
  ],
  det: [34.875, [15.0, -4.5, 0.75, 4.75, 7.875, -3.25, 0.4999999999999998, 4.499999999999999, 7.0]],
  logabsdet: [
    3.55177024014153,
    [
      0.43010752688172044, -0.12903225806451613, 0.021505376344086023, 0.13620071684587812, 0.2258064516129032,
      -0.0931899641577061, 0.014336917562724009, 0.12903225806451613, 0.2007168458781362,
    ],
  ],
  lu: [
    22.691422193877546,
    [
      0.9398460276967928, 1.266107871720116, 1.054081632653061, 0.39868804664723057, -1.0531341107871712,
      -1.901020408163265, 0.4864795918367344, 5.283673469387754, 7.971428571428571,
    ],
  ],
  luTall: [
    46.147506175740375,
    [
      0.42691118495891756, 0.9474002215434193, 0.13089616923828595, 0.3093551743815246, 26.351004434588045,
      1.1519716370974658, 6.342094383584372, 19.005449817419784,
    ],
  ],
  qr: [
    1.5238361734895334,
    [
      0.7618481619860251, -0.7804902560114565, 1.5016121112731717, -2.715150929649586, -0.2547931510722693,
      -0.23255341169763447, 2.065818422710144, -0.8369053476192717, 0.6173167566051626,
    ],
  ],
  qrTall: [
    4.263931704955784,
    [
      1.2524433549276845, 1.0344131772428153, -0.10229765597190268, 0.5419024416296047, 1.5620204023119317,
      0.18767643688900038, 0.7913864406022852, 0.9940349316199492,
    ],
  ],
  qrWide: [
    -55.606817972961956,
    [
      10.183053569534037, -21.862036616015445, -5.031152949374526, -1.677050983124838, -26.564487572697498,
      12.61142339309882, -9.542420093980352, -13.718277041961205,
    ],
  ],
  svdvals: [
    -0.20851801207141685,
    [
      0.42060809248375125, 0.1185718529408554, 0.09567000808657058, -0.10311563932063456, -0.9935421580245168,
      -0.4046544885001432, -0.12205899818829634, -0.6265802223411733, 0.5664552178278455,
    ],
  ],
  svd: [
    1.4274548205102864,
    [
      -0.04688048165236193, -0.08736817035212904, -0.06712432600224541, -0.020243844349883588, 0.11293934216250806,
      -0.08310630838373242, -0.0841717738758316, -0.07298438620879076,
    ],
  ],
  eigvalsh: [
    -1.0753372620812591,
    [
      1.3581024380801194, -0.27626047039471185, -0.1601856939538728, -0.27626047039471185, -2.246054822002726,
      -0.629904125083317, -0.1601856939538728, -0.629904125083317, 0.6879523839226058,
    ],
  ],
  eigh: [
    1.2117060325688007,
    [
      -0.05209359959889868, -0.06438757633008428, -0.10730397007988823, -0.06438757633008428, -0.05959609671864351,
      0.16661063671304926, -0.10730397007988823, 0.16661063671304926, 0.11168969631754223,
    ],
  ],
  pinv: [
    0.17261297995242952,
    [
      -0.024916498763631008, -0.025433745179246094, 0.005420003512195527, -0.015556185949624584, -0.0550424078559571,
      0.0028633283721550846, -0.011859721386603734, -0.028976883126209628,
    ],
  ],
  lstsq: [
    0.79245857035169,
    [
      -0.21592870606774053, -0.0975945704801808, -0.08562881935317701, -0.24578150583254244, -0.2843559156904441,
      -0.18553332216327562, -0.10827713289046875, -0.06133509458895166,
    ],
  ],
  matrixExp: [
    11.97712389804161,
    [
      0.9757912582641021, -1.7542382315441976, 1.8670870234060426, -0.12861621830276826, 1.531296645591206,
      -0.0056936717883938415, -3.067951700751981, -1.2826708620518892, 3.4814740451654926,
    ],
  ],
  matrixPower: [
    -0.053743724168175,
    [
      0.03643557588699986, -0.03328819698869155, -0.03467209422748264, -0.02898849932264093, 0.022533744530529216,
      -0.025840879304239422, -0.009331880744693329, -0.0034715262943043564, -0.0025865905985551674,
    ],
  ],
  nuc: [
    6.8777314315876525,
    [
      0.34036757942571, 0.5600389493359071, -0.13536757542953393, 0.4026211048602698, 0.9236173382838312,
      -0.23127677467130406, 0.11294486628308431, 0.6861222009565555,
    ],
  ],
  spectral: [
    3.722507371299176,
    [
      -0.13033342337256684, 0.4106442545288861, -0.12848072137353012, 0.4048069074265713, 0.15121254244977742,
      -0.47642853354818204, -0.18750130229099257, 0.5907642913850331,
    ],
  ],
  cond: [
    2.0538725724532716,
    [
      -0.901577951065609, 0.16336034245995565, 0.06105921332091677, -0.18727625150228214, 0.0489123234879079,
      -0.2203010476702075, 0.019113833702676546, -0.028852245180165572, 0.3936059332433594,
    ],
  ],
};

describe.each(deviceNames())("on %s", (device) => {
  beforeAll(() => ct.setDefaultDevice(device));
  afterAll(() => ct.setDefaultDevice(usual));

  test("values and gradients are PyTorch's", async () => {
    const [b, w, v] = [f64(dataB), f64(dataW), f64([0.7, -1.2, 0.4])];
    const w22 = ct.narrow(ct.narrow(w, 0, 0, 2), 1, 0, 2);
    const positive = (a: Tensor): Tensor => a.matmul(turned(a)).add(ct.eye(a.shape[0] ?? 1));
    const cube = (x: Tensor): Tensor => x.mul(x).mul(x).sum();
    const functions: Record<string, (x: Tensor) => Tensor> = {
      cholesky: (a) => ct.cholesky(positive(a)).mul(w).sum(),
      choleskySolve: (a) =>
        ct
          .choleskySolve(b, ct.cholesky(positive(a)))
          .pow(2)
          .sum(),
      solve: (a) => ct.solve(a, b).pow(2).sum(),
      solveTriangular: (a) => ct.solveTriangular(a, b, { upper: true }).pow(2).sum(),
      inverse: (a) => ct.inverse(a).mul(w).sum(),
      det: (a) => ct.det(a),
      logabsdet: (a) => ct.slogdet(a).logabsdet,
      lu: (a) => ct.lu(a).l.pow(2).mul(w).sum().add(ct.lu(a).u.pow(2).mul(w).sum()),
      luTall: (t) => cube(ct.lu(t).l).add(cube(ct.lu(t).u)),
      qr: (a) =>
        ct
          .qr(a)
          .q.mul(w)
          .sum()
          .add(ct.qr(a).r.mul(turned(w)).sum()),
      qrTall: (t) => cube(ct.qr(t).q).add(ct.qr(t).r.pow(2).mul(w22).sum()),
      qrWide: (t) => cube(ct.qr(turned(t)).q).add(cube(ct.qr(turned(t)).r)),
      svdvals: (a) => ct.svdvals(a).mul(v).sum(),
      svd(t) {
        const { u, vh } = ct.svd(t);
        return u
          .pow(2)
          .mul(turned(ct.narrow(ct.narrow(w, 0, 0, 2), 1, 0, 1)))
          .sum()
          .add(vh.pow(2).mul(w22).sum());
      },
      eigvalsh: (a) =>
        ct
          .eigvalsh(a.add(turned(a)))
          .mul(v)
          .sum(),
      eigh: (a) =>
        ct
          .eigh(a.add(turned(a)))
          .eigenvectors.pow(2)
          .mul(w)
          .sum(),
      pinv: (t) => ct.pinv(t).pow(2).sum(),
      lstsq: (t) =>
        ct
          .lstsq(t, ct.concat([b, ct.narrow(b, 0, 0, 1)]))
          .solution.pow(2)
          .sum(),
      matrixExp: (a) => ct.matrixExp(a.div(2)).mul(w).sum(),
      matrixPower: (a) => ct.matrixPower(a, -3).mul(w).sum(),
      nuc: (t) => ct.matrixNorm(t, { ord: "nuc" }),
      spectral: (t) => ct.matrixNorm(t, { ord: 2 }),
      cond: (a) => ct.conditionNumber(a),
    };
    expect(Object.keys(functions)).toEqual(Object.keys(goldens));
    for (const [name, [value, gradient]] of Object.entries(goldens)) {
      const f = functions[name]!;
      const x = f64(gradient.length === 9 ? dataA : dataT);
      const y = f(x);
      expect(y.itemSync() / value, name).toBeCloseTo(1, 10);
      const g = [...grad(f as (x: Tensor) => Tensor<[]>)(x).dataSync()];
      const size = Math.max(...gradient.map(Math.abs));
      gradient.forEach((expected, i) => {
        expect(Math.abs(g[i]! - expected), `${name}, gradient ${i}`).toBeLessThan(1e-10 * size);
      });
    }
  });

  test("factors give the matrix back, over batches and in float32", async () => {
    for (const shape of [
      [2, 3, 4, 4],
      [5, 3],
      [2, 3, 5],
      [2, 0, 0],
      [0, 2, 3],
    ] as const) {
      const x = seededValues(shape);
      const [m = 0, n = 0] = shape.slice(-2);
      const { p, l, u } = ct.lu(x);
      await allclose(p.matmul(l.matmul(u)), x, { rtol: 1e-5, atol: 1e-5 });
      for (const mode of ["reduced", "complete"] as const) {
        const { q, r } = ct.qr(x, { mode });
        expect(q.shape.slice(-2)).toEqual([m, mode === "complete" ? m : Math.min(m, n)]);
        await allclose(q.matmul(r), x, { rtol: 1e-5, atol: 1e-5 });
      }
      const svd = ct.svd(x);
      await allclose(svd.u.mul(ct.unsqueeze(svd.s, -2)).matmul(svd.vh), x, { rtol: 1e-5, atol: 1e-5 });
      const full = ct.svd(x, { fullMatrices: true });
      expect([full.u.shape.slice(-2), full.vh.shape.slice(-2)]).toEqual([
        [m, m],
        [n, n],
      ]);
      await allclose(turned(full.u).matmul(full.u), ct.eye(m).expand([...shape.slice(0, -2), m, m]), { atol: 1e-5 });
      await allclose(full.vh.matmul(turned(full.vh)), ct.eye(n).expand([...shape.slice(0, -2), n, n]), { atol: 1e-5 });
      await allclose(x.matmul(ct.pinv(x)).matmul(x), x, { rtol: 1e-4, atol: 1e-4 });
    }
  });

  test("solutions solve, from the left and the right, for vectors and broadcast batches", async () => {
    const a = seededValues([2, 3, 3]).add(ct.eye(3).mul(3));
    const close = { rtol: 1e-5, atol: 1e-5 };
    const y = seededValues([3, 4], { seed: 2 });
    await allclose(a.matmul(ct.solve(a, y)), y.expand([2, 3, 4]), close);
    await allclose(ct.solve(a, turned(y), { left: false }).matmul(a), turned(y).expand([2, 4, 3]), close);
    const vector = seededValues([3], { seed: 3 });
    const x = ct.solve(a, vector);
    expect(x.shape).toEqual([2, 3]);
    await allclose(ct.squeeze(a.matmul(ct.unsqueeze(x, -1)), -1), vector.expand([2, 3]), close);
    expect(ct.solve(a, seededValues([2, 3])).shape).toEqual([2, 3]);
    await allclose(ct.luSolve(ct.luFactor(a), y), ct.solve(a, y), close);
    await allclose(a.matmul(ct.inverse(a)), ct.eye(3).expand([2, 3, 3]), close);
    for (const upper of [false, true])
      for (const unitriangular of [false, true])
        for (const left of [false, true])
          for (const transposed of [false, true]) {
            const part = upper ? ct.triu(a) : ct.tril(a);
            const t = unitriangular ? part.mul(ct.eye(3).mul(-1).add(1)).add(ct.eye(3)) : part;
            const right = left ? y : turned(y);
            const found = ct.solveTriangular(a, right, { upper, unitriangular, left, transposed });
            const op = transposed ? turned(t) : t;
            await allclose(left ? op.matmul(found) : found.matmul(op), right.expand(found.shape), close);
          }
    const l = ct.cholesky(a.matmul(turned(a)));
    const known = ct.choleskySolve(y, l);
    await allclose(a.matmul(turned(a)).matmul(known), y.expand([2, 3, 4]), { rtol: 1e-4, atol: 1e-4 });
    await allclose(ct.choleskySolve(y, turned(l), { upper: true }), known, close);
    await allclose(turned(ct.cholesky(a.matmul(turned(a)), { upper: true })), l, close);
  });

  test("determinants, and their gradients where a matrix is singular", async () => {
    expect(ct.det(zeros([0, 0])).itemSync()).toBe(1);
    expect(ct.slogdet(zeros([0, 0])).logabsdet.itemSync()).toBe(0);
    const singular = f64([
      [1, 2, 3],
      [2, 4, 6],
      [1, 1, 1],
    ]);
    expect(Math.abs(ct.det(singular).itemSync())).toBeLessThan(1e-14);
    await allclose(
      grad((x: Tensor) => ct.det(x) as Tensor<[]>)(singular),
      f64([
        [-2, 4, -2],
        [1, -2, 1],
        [0, 0, 0],
      ]),
      {
        atol: 1e-12,
      },
    );
    expect(grad((x: Tensor) => ct.det(x) as Tensor<[]>)(zeros([3, 3])).toArraySync()).toEqual(
      [0, 0, 0].map(() => [0, 0, 0]),
    );
    expect(ct.slogdet(zeros([2, 2])).sign.itemSync()).toBe(0);
    expect(ct.slogdet(zeros([2, 2])).logabsdet.itemSync()).toBe(Number.NEGATIVE_INFINITY);
    expect(
      ct
        .logdet(
          tensor([
            [0, 1],
            [1, 0],
          ]),
        )
        .itemSync(),
    ).toBeNaN();
    expect(ct.logdet(zeros([1, 1])).itemSync()).toBe(Number.NEGATIVE_INFINITY);
    // Overflows as a determinant.
    expect(ct.slogdet(ct.eye(200).mul(1e30)).logabsdet.itemSync()).toBeCloseTo(200 * Math.log(1e30), 1);
  });

  test("gradients of eigenvalues and singular values are finite where those are equal; vectors' say that they are not", async () => {
    const same = f64([
      [2, 0],
      [0, 2],
    ]);
    expect(grad((x: Tensor) => ct.eigvalsh(x).pow(2).sum() as Tensor<[]>)(same).toArraySync()).toEqual([
      [4, 0],
      [0, 4],
    ]);
    await allclose(grad((x: Tensor) => ct.matrixNorm(x, { ord: "nuc" }) as Tensor<[]>)(same), ct.eye(2));
    const ofVectors = grad((x: Tensor) => ct.eigh(x).eigenvectors.sum() as Tensor<[]>)(same);
    expect([...ofVectors.dataSync()].every(Number.isFinite)).toBe(false);
    // pinv is smooth there: it does not go by way of the vectors.
    await allclose(
      grad((x: Tensor) => ct.pinv(x).sum() as Tensor<[]>)(same),
      f64([
        [-0.25, -0.25],
        [-0.25, -0.25],
      ]),
    );
    await gradcheck(
      (x) => ct.pinv(x),
      [
        same.add(
          f64([
            [0, 0],
            [0, 0],
          ]),
        ),
      ],
      { order: 2 },
    );
  });

  test("errors are thrown when values are computed, name the matrix, and leave state alone", () => {
    const x = tensor([
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 2],
        [2, 1],
      ],
    ]);
    expect(() => ct.cholesky(x).dataSync()).toThrow(
      "cholesky: expected a positive definite matrix, got one whose leading minor of order 2 is not positive: matrix 1 of the batch",
    );
    const singular = tensor([
      [1, 2],
      [2, 4],
    ]);
    expect(() => ct.inverse(singular).dataSync()).toThrow(
      "inverse: expected an invertible matrix, got a singular one: its U has a zero at row 2",
    );
    expect(() => ct.solve(singular, tensor([1, 2])).dataSync()).toThrow(ct.LinAlgError);
    const state = ct.ones([2, 2]);
    expect(() => ct.update([{ target: state, value: state.add(ct.inverse(singular)), inPlace: true }])).toThrow(
      "inverse",
    );
    expect([...state.dataSync()]).toEqual([1, 1, 1, 1]);
    expect(() => ct.inverse(zeros([2, 3]))).toThrow("inverse: expected square matrices [..., n, n], got shape [2, 3]");
    expect(() => ct.det(zeros([2]))).toThrow("det: expected matrices [..., m, n], got shape [2]");
    expect(() => ct.solve(ct.eye(2), zeros([3, 1]))).toThrow("solve: expected a right side [2, k], got [3, 1]");
    expect(() => grad((a: Tensor) => ct.qr(a, { mode: "complete" }).q.sum() as Tensor<[]>)(zeros([3, 2]))).toThrow(
      "qr: expected a square matrix",
    );
    expect(() => ct.matrixNorm(ct.eye(2), { ord: 3 })).toThrow('matrixNorm: expected ord "fro"');
    for (const f of [ct.inverse, ct.cholesky, ct.svdvals, ct.eigvalsh, ct.matrixExp])
      expect(
        [
          ...f(
            tensor([
              [Number.NaN, 1],
              [1, 2],
            ]),
          ).dataSync(),
        ].every(Number.isNaN),
      ).toBe(true);
  });

  test("the parts of a decomposition, and their gradients, share one run of it", () => {
    const x = seededValues([4, 4]);
    const { eigenvalues, eigenvectors } = ct.eigh(x);
    const gradient = grad((a: Tensor) => ct.eigh(a).eigenvalues.pow(2).sum() as Tensor<[]>)(x);
    expect(ct.explainPlan(eigenvalues, eigenvectors, gradient).match(/= eigh\(/g)?.length).toBe(1);
    const y = seededValues([4, 2]);
    const solved = grad((a: Tensor) => ct.solve(a, y).pow(2).sum() as Tensor<[]>)(x);
    expect(ct.explainPlan(solved).match(/= lu\(/g)?.length).toBe(1);
  });

  test("compositions: ranks, powers, norms, chains, least squares", async () => {
    expect(
      ct
        .matrixRank(
          tensor([
            [
              [1, 2],
              [2, 4],
            ],
            [
              [1, 0],
              [0, 1],
            ],
          ]),
        )
        .toArraySync(),
    ).toEqual([1, 2]);
    expect(ct.matrixRank(zeros([3, 0])).itemSync()).toBe(0);
    expect(ct.matrixRank(ct.eye(2), { atol: 2 }).itemSync()).toBe(0);
    expect(
      ct
        .matrixPower(
          tensor([
            [1, 1],
            [1, 0],
          ]),
          30,
        )
        .toArraySync(),
    ).toEqual([
      [1346269, 832040],
      [832040, 514229],
    ]);
    expect(ct.matrixPower(seededValues([2, 3, 3]), 0).toArraySync()).toEqual([0, 1].map(() => ct.eye(3).toArraySync()));
    const x = tensor([
      [1, -2],
      [3, 4],
    ]);
    const norms = { fro: Math.sqrt(30), 1: 6, "-1": 4, Infinity: 7, "-Infinity": 3 };
    for (const [ord, expected] of Object.entries(norms))
      expect(ct.matrixNorm(x, { ord: ord === "fro" ? ord : Number(ord) }).itemSync()).toBeCloseTo(expected, 5);
    expect(ct.matrixNorm(x, { keepdims: true }).shape).toEqual([1, 1]);
    expect(ct.conditionNumber(x, { p: 1 }).itemSync()).toBeCloseTo(6 * 0.7, 4);
    const [p, q, r, s] = [[4, 20], [20, 3], [3, 30], [30]].map((shape, i) => seededValues(shape, { seed: i + 1 }));
    const chain = ct.multiDot([p!, q!, r!, s!]);
    expect(chain.shape).toEqual([4]);
    await allclose(chain, p!.matmul(q!).matmul(r!).matmul(s!), { rtol: 1e-4, atol: 1e-4 });
    const a = seededValues([2, 5, 3]);
    const y = seededValues([5, 2], { seed: 2 });
    const { solution, residuals, rank, singularValues } = ct.lstsq(a, y);
    // What is left is orthogonal to the columns.
    await allclose(turned(a).matmul(a.matmul(solution).sub(y)), zeros([2, 3, 2]), { atol: 1e-5 });
    await allclose(residuals, a.matmul(solution).sub(y).pow(2).sum({ axis: -2 }), { rtol: 1e-5 });
    expect(rank.toArraySync()).toEqual([3, 3]);
    expect(singularValues.shape).toEqual([2, 3]);
  });

  test("derivatives agree with differences, second order too, and vmap with a loop", async () => {
    const a = f64(dataA);
    const b = f64(dataB);
    const t = f64(dataT);
    await gradcheck((x, y) => ct.solve(x, y), [a, b], { order: 2 });
    await gradcheck((x, y) => ct.luSolve(ct.luFactor(x), y), [a, b], { order: 2 });
    await gradcheck((x) => ct.cholesky(x.matmul(turned(x)).add(ct.eye(3))), [a], { order: 2 });
    await gradcheck((x) => Object.values(ct.qr(turned(x))) as Tensor[], [t], { order: 2 });
    await gradcheck((x) => ct.lstsq(x, ct.concat([b, ct.narrow(b, 0, 0, 1)])).solution, [t], { order: 2 });
    await gradcheck((x) => ct.matrixPower(x, 3), [a], { order: 2 });
    await gradcheck((x) => ct.logdet(x), [a], { order: 2 });
    const batch = f64([dataA, dataW] as never);
    for (const f of [ct.inverse, (x: Tensor) => ct.svd(x).u, (x: Tensor) => ct.eigh(x).eigenvectors, ct.matrixExp]) {
      const g = grad((x: Tensor) => f(x).pow(2).mul(f64(dataW)).sum() as Tensor<[]>);
      const mapped = vmap(g)(batch);
      await allclose(mapped, ct.stack([g(f64(dataA)), g(f64(dataW))]), { rtol: 1e-12, atol: 1e-12 });
    }
  });
});
