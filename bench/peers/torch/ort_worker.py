"""ONNX Runtime's side of the matrix products: stock MatMul and FusedMatMul, f32 (protocol: ../README.md).

Usage: ort_worker.py null f32 <threads>
"""

import json
import sys
import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper


def say(**message):
    print(json.dumps(message), flush=True)


def session(shape_a, shape_b, shape_c, layout, threads):
    tensor = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    node = helper.make_node("FusedMatMul", ["a", "b"], ["c"], domain="com.microsoft",
                            transA=int(layout[0] == "t"), transB=int(layout[1] == "t"))
    graph = helper.make_graph([node], "gemm", [tensor("a", shape_a), tensor("b", shape_b)], [tensor("c", shape_c)])
    versions = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def measure(threads, rows, columns, depth, layout, seconds):
    M, N, K = int(rows), int(columns), int(depth)
    shape_a = (K, M) if layout[0] == "t" else (M, K)
    shape_b = (N, K) if layout[1] == "t" else (K, N)
    value = lambda array: onnxruntime.OrtValue.ortvalue_from_numpy(array)
    run = session(shape_a, shape_b, (M, N), layout, threads)
    binding = run.io_binding()
    random = np.random.default_rng(0)
    binding.bind_ortvalue_input("a", value(random.standard_normal(shape_a, dtype=np.float32)))
    binding.bind_ortvalue_input("b", value(random.standard_normal(shape_b, dtype=np.float32)))
    binding.bind_ortvalue_output("c", value(np.empty((M, N), np.float32)))
    times = []
    deadline = time.perf_counter() + float(seconds)
    while len(times) < 5 or time.perf_counter() < deadline:
        start = time.perf_counter()
        run.run_with_iobinding(binding)
        times.append((time.perf_counter() - start) * 1e3)
    return times[2:]


threads = int(sys.argv[3])
say(event="ready", name="onnxruntime", versions={"onnxruntime": onnxruntime.__version__, "threads": threads})
for line in sys.stdin:
    request, *words = line.split()
    if request == "gemm":
        say(event="gemm", ms=measure(threads, *words))
    elif request == "quit":
        break
