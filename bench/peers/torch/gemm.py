"""One matrix product: C[M, N] = A[M, K] · B[K, N], with A or B stored transposed where `layout` says `t`."""

import time

import torch

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def measure(mode, rows, columns, depth, layout, seconds):
    """Milliseconds of each run within `seconds`, at least three, after two to warm up."""
    M, N, K = int(rows), int(columns), int(depth)
    a = torch.randn((K, M) if layout[0] == "t" else (M, K)).to(DTYPES[mode])
    b = torch.randn((N, K) if layout[1] == "t" else (K, N)).to(DTYPES[mode])
    a = a.t() if layout[0] == "t" else a
    b = b.t() if layout[1] == "t" else b
    c = torch.empty(M, N, dtype=DTYPES[mode])
    times = []
    deadline = time.perf_counter() + float(seconds)
    while len(times) < 5 or time.perf_counter() < deadline:
        start = time.perf_counter()
        torch.mm(a, b, out=c)
        times.append((time.perf_counter() - start) * 1e3)
    return times[2:]
