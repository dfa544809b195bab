"""Prints, as JSON, the tokens that `transformers` generates greedily from a GGUF file, dequantised to f32.

    python tools/proof/gguf/greedy.py FILE.gguf COUNT TOKEN...
"""

import json
import sys
from pathlib import Path

import torch
import transformers

file = Path(sys.argv[1])
count = int(sys.argv[2])
ids = [int(token) for token in sys.argv[3:]]
model = transformers.AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
made = model.generate(torch.tensor([ids]), max_new_tokens=count, do_sample=False, eos_token_id=None)
print(json.dumps(made[0][len(ids) :].tolist()))
