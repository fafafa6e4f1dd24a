"""PyTorch on one workload. Usage: torch.py WORKLOAD SHARE (threads: OMP_NUM_THREADS and OPENBLAS_NUM_THREADS)."""

import json
import math
import os
import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "workloads.json")) as file:
    workloads = json.load(file)["workloads"]


def mixed(x):
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def uniform(seed, count):
    i = np.arange(count, dtype=np.uint32) + np.uint32((seed * 0x9E3779B9) & 0xFFFFFFFF)
    return (mixed(i) >> np.uint32(8)).astype(np.float64) / 2**24


def generate(spec, batch=0):
    count = int(np.prod(spec["shape"]))
    init = spec["init"]
    if init in ("zeros", "ones"):
        values = np.full(count, 1 if init == "ones" else 0, np.float32)
    elif init == "values":
        values = np.array(spec["values"], np.float32)
    else:
        u = uniform(spec["seed"] + batch, count)
        if init == "randint":
            values = np.floor(u * spec["n"]).astype(np.int64)
        elif init == "uniform01":
            values = u.astype(np.float32)
        else:
            values = ((2 * u - 1) * spec["bound"]).astype(np.float32)
    return torch.from_numpy(values.reshape(spec["shape"]))


class Perceptron(nn.Module):
    def __init__(self, sizes, activation):
        super().__init__()
        self.names = [f"fc{i + 1}" for i in range(len(sizes) - 1)]
        for name, inputs, outputs in zip(self.names, sizes, sizes[1:]):
            setattr(self, name, nn.Linear(inputs, outputs))
        self.activation = activation

    def forward(self, x):
        for name in self.names[:-1]:
            x = self.activation(getattr(self, name)(x))
        return getattr(self, self.names[-1])(x)


class Convolutional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, 5)
        self.conv2 = nn.Conv2d(24, 32, 3)
        self.fc1 = nn.Linear(800, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.ln1 = nn.LayerNorm(d)
        self.qkv = nn.Linear(d, 3 * d)
        self.proj = nn.Linear(d, d)
        self.ln2 = nn.LayerNorm(d)
        self.fc = nn.Linear(d, 4 * d)
        self.out = nn.Linear(4 * d, d)

    def forward(self, x, mask):
        batch, length, d = x.shape
        parts = self.qkv(self.ln1(x)).split(d, dim=2)
        q, k, v = (part.view(batch, length, self.heads, d // self.heads).transpose(1, 2) for part in parts)
        scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(d // self.heads))
        weights = F.softmax(scores.masked_fill(mask, float("-inf")), dim=-1)
        x = x + self.proj((weights @ v).transpose(1, 2).reshape(batch, length, d))
        return x + self.out(F.gelu(self.fc(self.ln2(x)), approximate="tanh"))


class Transformer(nn.Module):
    def __init__(self, spec):
        super().__init__()
        d, length = spec["d"], spec["T"]
        self.wte = nn.Embedding(spec["vocab"], d)
        self.wpe = nn.Parameter(torch.zeros(length, d))
        self.blocks = nn.ModuleList(Block(d, spec["heads"]) for _ in range(spec["layers"]))
        self.lnf = nn.LayerNorm(d)
        self.head = nn.Linear(d, spec["vocab"], bias=False)
        self.register_buffer("mask", torch.triu(torch.ones(length, length, dtype=torch.bool), 1))

    def forward(self, ids):
        x = self.wte(ids) + self.wpe
        for block in self.blocks:
            x = block(x, self.mask)
        return self.head(self.lnf(x))


def torch_name(name):
    """The workload's name of a parameter in PyTorch's words."""
    if name == "wpe":
        return name
    if name == "wte":
        return "wte.weight"
    base, kind = name.rsplit(".", 1)
    if base[0] == "h" and base[1].isdigit():
        base = "blocks." + base[1:]
    return base + (".bias" if kind == "b" else ".weight")


def build(name, spec):
    if name == "W2":
        model = Convolutional()
    elif name == "W3":
        model = Transformer(spec)
    else:
        sizes = [p["shape"][0] for p in spec["params"] if len(p["shape"]) == 2] + [spec["params"][-1]["shape"][0]]
        model = Perceptron(sizes, torch.tanh if name == "W7" else F.relu)
    parameters = dict(model.named_parameters())
    for values in spec["params"]:
        data = generate(values)
        if values["name"].endswith(".w") and data.dim() == 2:
            data = data.t().contiguous()
        parameter = parameters.pop(torch_name(values["name"]))
        assert parameter.shape == data.shape, values["name"]
        parameter.data.copy_(data)
    assert not parameters, list(parameters)
    o = spec["optimizer"]
    if o["kind"] == "sgd":
        return model, torch.optim.SGD(model.parameters(), lr=o["lr"])
    rule = torch.optim.AdamW if o["kind"] == "adamw" else torch.optim.Adam
    betas = (o["beta1"], o["beta2"])
    options = {"weight_decay": o["weight_decay"]} if o["kind"] == "adamw" else {}
    return model, rule(model.parameters(), lr=o["lr"], betas=betas, eps=o["eps"], **options)


def time_steps(timing, step):
    begin = time.perf_counter()
    i = 0
    while i < timing["warmup_steps"] and (i < 3 or time.perf_counter() - begin < timing["warmup_s"]):
        step(i)
        i += 1
    times = []
    start = time.perf_counter()
    while len(times) < timing["max_steps"] and (
        len(times) < timing["min_steps"] or time.perf_counter() - start < timing["budget_s"]
    ):
        before = time.perf_counter()
        step(i)
        i += 1
        times.append((time.perf_counter() - before) * 1000)
    return {"medianMs": float(np.median(times)), "minMs": min(times), "steps": len(times)}


def training(name, spec):
    model, optimizer = build(name, spec)

    def step(x, y):
        output = model(x)
        if name in ("W5", "W7"):
            loss = F.mse_loss(output, y)
        else:
            loss = F.cross_entropy(output.view(-1, output.shape[-1]), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return model, step


def train(name, spec, timing):
    batches = [[generate(data, b) for data in spec["data"]] for b in range(spec["nbatches"])]
    _, run = training(name, spec)
    losses = []
    begin = time.perf_counter()
    first = []

    def step(i):
        loss = run(*batches[i % len(batches)])
        if i == 0:
            first.append((time.perf_counter() - begin) * 1000)
        if i < 3:
            losses.append(loss)

    return {**time_steps(timing, step), "firstStepMs": first[0], "evidence": {"losses": losses}}


def products(spec, timing):
    sizes, corners = {}, {}
    for n in spec["sizes"]:
        values = {"shape": [n, n], "init": "uniform", "bound": spec["bound"]}
        a = generate({**values, "seed": spec["seed_a"]})
        b = generate({**values, "seed": spec["seed_b"]})
        product = torch.mm(a, b)
        corners[str(n)] = [product[0, 0].item(), product[-1, -1].item()]
        sizes[str(n)] = time_steps(timing, lambda i: torch.mm(a, b))
    return {**sizes[str(spec["sizes"][-1])], "sizes": sizes, "evidence": {"corners": corners}}


def elementwise(spec, timing):
    values = {"shape": [spec["n"]], "init": "uniform", "bound": spec["bound"], "seed": spec["seed"]}
    x = generate(values).requires_grad_()
    last = [math.nan]

    def step(_):
        x.grad = None
        y = F.gelu(x * spec["a"] + spec["b"], approximate="tanh").sum()
        y.backward()
        last[0] = y.item()

    times = time_steps(timing, step)
    gradient = x.grad.double()
    evidence = {"value": last[0], "gradientSum": gradient.sum().item(), "gradientFirst": gradient[:3].tolist()}
    return {**times, "evidence": evidence}


def read_idx(folder, name, header_bytes):
    with open(os.path.join(folder, name), "rb") as data:
        return np.frombuffer(data.read(), np.uint8)[header_bytes:]


def epoch(spec):
    folder = os.environ["MNIST_FOLDER"]

    def images(name):
        pixels = read_idx(folder, f"{name}-images-idx3-ubyte", 16).astype(np.float64) / 255
        return torch.from_numpy(pixels.astype(np.float32).reshape(-1, 784))

    def labels(name):
        return torch.from_numpy(read_idx(folder, f"{name}-labels-idx1-ubyte", 8).astype(np.int64))

    x, y, test_x, test_y = images("train"), labels("train"), images("t10k"), labels("t10k")
    u = uniform(spec["perm_seed"], len(x)).tolist()
    order = list(range(len(x)))
    for i in range(len(x) - 1, 0, -1):
        j = int(u[i] * (i + 1))
        order[i], order[j] = order[j], order[i]
    order = torch.tensor(order)
    model, run = training("W8", spec)
    batch = spec["batch"]
    losses = []
    begin = time.perf_counter()
    for s in range(spec["steps"]):
        index = order[s * batch : (s + 1) * batch]
        losses.append(run(x[index], y[index]))
    right = 0
    with torch.no_grad():
        for i in range(0, len(test_x), spec["test_chunk"]):
            chunk = slice(i, i + spec["test_chunk"])
            right += (model(test_x[chunk]).argmax(1) == test_y[chunk]).sum().item()
    total = (time.perf_counter() - begin) * 1000
    evidence = {"losses": losses[:3], "accuracy": right / len(test_x)}
    return {"medianMs": total, "minMs": total, "steps": 1, "evidence": evidence}


def shortened(timing, share):
    if share >= 1:
        return timing
    return {
        **timing,
        "warmup_s": timing["warmup_s"] * share,
        "budget_s": timing["budget_s"] * share,
        "min_steps": min(timing["min_steps"], 5),
    }


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    name, share = sys.argv[1], float(sys.argv[2])
    spec = workloads[name]
    timing = shortened(spec["timing"], share) if "timing" in spec else None
    kind = spec["kind"]
    if kind == "train":
        result = train(name, spec, timing)
    elif kind == "matmul":
        result = products(spec, timing)
    elif kind == "elementwise":
        result = elementwise(spec, timing)
    else:
        result = epoch(spec)
    result["version"] = f"PyTorch {torch.__version__}, Python {sys.version.split()[0]}"
    usage = resource.getrusage(resource.RUSAGE_SELF)
    result["residentMiB"] = usage.ru_maxrss // 1024
    result["cpuSeconds"] = usage.ru_utime + usage.ru_stime
    print("RESULT " + json.dumps(result))


main()
