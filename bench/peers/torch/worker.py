"""PyTorch's side of the benchmark: one long-lived process for one configuration and one mode (protocol: ../README.md).

Usage: worker.py <configuration as JSON> <f32 | f32-compile | bf16 | bf16-compile> <threads> [merged]
"""

import json
import os
import resource
import sys
import time

import torch

from gemm import measure as measure_gemm
from model import Decoder

LEARNING_RATE = 1e-3
WEIGHT_DECAY = 0.01
CLIP_NORM = 1.0


def say(**message):
    print(json.dumps(message), flush=True)


def peak_rss_mb():
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1024 * 1024 if sys.platform == "darwin" else 1024)


class Trainer:
    def __init__(self, config, mode, merged):
        torch.manual_seed(0)
        self.bf16 = mode.startswith("bf16")
        # A frozen base is kept in bf16 where the products run in bf16, as adapters are trained in practice.
        model = Decoder(config, merged, torch.bfloat16 if self.bf16 else torch.float32)
        self.all_parameters = sum(p.numel() for p in model.parameters())
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
        compiled = mode.endswith("compile")
        self.forward = torch.compile(model, dynamic=False, fullgraph=True) if compiled else model
        generator = torch.Generator().manual_seed(1)
        shape = (config["batch"], config["sequence"])
        self.ids = torch.randint(0, config["vocabulary"], shape, generator=generator)
        self.targets = torch.roll(self.ids, -1, 1)

    def step(self):
        """One optimiser step; returns (milliseconds, loss before the step)."""
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            loss = self.forward(self.ids, self.targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP_NORM)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        value = loss.item()
        return (time.perf_counter() - start) * 1e3, value


def main():
    config, mode, threads = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    versions = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    if config is None:
        say(event="ready", name="torch", versions=versions)
    else:
        idle = peak_rss_mb()
        trainer = Trainer(config, mode, "merged" in sys.argv[4:])
        first_ms, first_loss = trainer.step()
        trainer.step()
        say(event="ready", name="torch", versions=versions, parameters=trainer.all_parameters,
            trained_parameters=sum(p.numel() for p in trainer.parameters),
            first_step_ms=first_ms, first_loss=first_loss, idle_rss_mb=idle)
    for line in sys.stdin:
        request, *words = line.split()
        if request == "step":
            steps = [trainer.step() for _ in range(int(words[0]))]
            say(event="steps", ms=[ms for ms, _ in steps], loss=[loss for _, loss in steps], peak_rss_mb=peak_rss_mb())
        elif request == "gemm":
            say(event="gemm", ms=measure_gemm(mode, *words))
        elif request == "quit":
            # The compiler's helpers would be waited for at an ordinary exit.
            sys.stdout.flush()
            os._exit(0)


main()
