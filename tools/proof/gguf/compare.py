"""Compares the tensors of quantised GGUF files with what the reference package `gguf` makes of the f32 file.

    python tools/proof/gguf/compare.py F32.gguf FILE.gguf...
"""

import sys

import gguf
import numpy as np

reference = {tensor.name: tensor for tensor in gguf.GGUFReader(sys.argv[1]).tensors}
for path in sys.argv[2:]:
    equal = different = 0
    for tensor in gguf.GGUFReader(path).tensors:
        source = reference[tensor.name]
        values = gguf.dequantize(source.data, source.tensor_type)
        expected = gguf.quantize(values, tensor.tensor_type)
        same = np.array_equal(expected.view(np.uint8).ravel(), tensor.data.view(np.uint8).ravel())
        equal, different = equal + same, different + (not same)
    print(f"{path}: {equal} tensors equal to the reference's bytes, {different} different", flush=True)
    if different:
        sys.exit(1)
