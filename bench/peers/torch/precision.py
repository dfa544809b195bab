"""PyTorch's side of `npm run bench:precision`: the losses of training from given weights on given bytes.

Usage: precision.py <folder> <f32 | bf16> <threads>

The folder holds start/ (a checkpoint), plan.json, and windows.u8, of which each step takes `batch` rows of `length` + 1
bytes. The losses of all steps are written to losses.json.
"""

import json
import os
import sys

import numpy
import torch

from pretrain import cut, decoder_of, tensor

BETA1 = 0.9
CLIP_NORM = 1.0


def main():
    folder, precision, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    plan = json.load(open(os.path.join(folder, "plan.json")))
    batch, length, rates = plan["batch"], plan["length"], plan["rates"]
    windows = numpy.memmap(os.path.join(folder, "windows.u8"), numpy.uint8, "r").reshape(-1, batch, length + 1)
    decoder = decoder_of(folder)
    cut(decoder, length)
    parameters = list(decoder.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": plan["weightDecay"]},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=rates[0], betas=(BETA1, plan["beta2"]), eps=1e-8, fused=True)
    losses = []
    for rate, rows in zip(rates, windows):
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = decoder(tensor(rows[:, :-1]), tensor(rows[:, 1:]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if len(losses) % 50 == 0:
            print(f"torch {precision} step {len(losses)}: {losses[-1]}", file=sys.stderr, flush=True)
    with open(os.path.join(folder, "losses.json"), "w") as file:
        json.dump({"losses": losses, "version": torch.__version__}, file)


main()
