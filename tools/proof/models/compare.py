"""Loads each checkpoint of a folder in transformers and its tokenizer in tokenizers, and compares with what we computed.

    python tools/proof/models/compare.py FOLDER
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer

LARGEST = 2e-4

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
root = Path(sys.argv[1])
failed = False


def report(good, name, what):
    global failed
    failed |= not good
    print(f"{'ok  ' if good else 'FAIL'} {name:20} {what}", flush=True)


for folder in sorted(path.parent for path in root.glob("*/ours.json")):
    ours = json.loads((folder / "ours.json").read_text())
    model, found = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    with torch.no_grad():
        logits = model.eval()(input_ids=torch.tensor([ours["ids"]])).logits[0]
    gap = (logits - torch.tensor(ours["logits"]).reshape(logits.shape)).abs().max().item()
    odd = {kind: sorted(names) for kind, names in found.items() if names}
    what = f"{type(model).__name__:22} max Δ logit {gap:.1e}, largest logit {logits.abs().max():.1f}"
    report(gap <= LARGEST and not odd, folder.name, f"{what} {odd or ''}")

lines = json.loads((root / "lines.json").read_text())
for folder in sorted(path.parent for path in root.glob("*/tokens.json")):
    expected = json.loads((folder / "tokens.json").read_text())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    different = sum(tokenizer.encode(line, add_special_tokens=False).ids != ids for line, ids in zip(lines, expected))
    count = sum(map(len, expected))
    report(different == 0 and len(expected) == len(lines), folder.name,
           f"tokenizers: {different} of {len(lines)} lines with other ids ({count} ids)")
sys.exit(failed)
