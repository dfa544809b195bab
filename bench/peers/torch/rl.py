"""Steps of GRPO in PyTorch and transformers: the loop that `r1 bench rl` measures, on the same model and lengths.

Usage: rl.py <JSON: layers, hidden, heads, keyValueHeads, headWidth, feedForward, vocabulary, questions, group, prompt,
completion, rows, steps, threads, precision>. Prints one line of JSON.

Completions are drawn by `generate` with a key-value cache, all of a step in one batch; one update is made on them, in parts
of so many rows. As with the product, the log-probabilities of before the only update are the model's own, so that the clipped
loss needs no second forward pass.
"""

import json
import resource
import statistics
import sys
import time

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM


def peak_rss_mb():
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1024 * 1024 if sys.platform == "darwin" else 1024) * 1.048576


def main():
    options = json.loads(sys.argv[1])
    torch.set_num_threads(options["threads"])
    torch.manual_seed(7)
    bf16 = options["precision"] == "bf16"
    length = options["prompt"] + options["completion"]
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=options["vocabulary"], hidden_size=options["hidden"], intermediate_size=options["feedForward"],
        num_hidden_layers=options["layers"], num_attention_heads=options["heads"],
        num_key_value_heads=options["keyValueHeads"], head_dim=options["headWidth"], max_position_embeddings=length,
        rms_norm_eps=1e-6, rope_theta=10000.0, tie_word_embeddings=True, attn_implementation="sdpa",
        bos_token_id=None, eos_token_id=None, pad_token_id=0,
    ))
    parameters = sum(p.numel() for p in model.parameters())
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-5, weight_decay=0.0, fused=True)
    count = options["questions"] * options["group"]
    drawing, learning, whole = [], [], []
    for step in range(options["steps"]):
        started = time.perf_counter()
        base = (torch.arange(options["prompt"]) * 97 + 5).repeat(options["questions"], 1)
        shift = torch.arange(options["questions"])[:, None] + step * options["questions"]
        prompts = ((base + shift) % options["vocabulary"]).repeat_interleave(options["group"], 0)
        model.eval()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            tokens = model.generate(
                prompts, attention_mask=torch.ones_like(prompts), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                min_new_tokens=options["completion"], max_new_tokens=options["completion"], use_cache=True,
            )
        tokens = tokens.clone()
        rewards = (tokens[:, options["prompt"]:] % 2 == 0).float().mean(1).view(options["questions"], options["group"])
        spread = rewards.std(1, unbiased=False, keepdim=True)
        advantages = torch.where(spread > 1e-6, (rewards - rewards.mean(1, keepdim=True)) / spread.clamp_min(1e-6), 0.0)
        advantages = advantages.view(-1, 1)
        drew = time.perf_counter()
        model.train()
        for first in range(0, count, options["rows"]):
            part = tokens[first : first + options["rows"]]
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                logits = model(input_ids=part[:, :-1], use_cache=False).logits[:, options["prompt"] - 1 :]
            chosen = part[:, options["prompt"] :]
            log_probability = torch.log_softmax(logits.float(), -1).gather(-1, chosen[..., None])[..., 0]
            ratio = (log_probability - log_probability.detach()).exp()
            advantage = advantages[first : first + options["rows"]]
            loss = -torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.28) * advantage).sum()
            (loss / (count * options["completion"])).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        ended = time.perf_counter()
        drawing.append(drew - started)
        learning.append(ended - drew)
        whole.append(ended - started)
    steady = slice(min(1, options["steps"] - 1), None)
    print(json.dumps({
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "parameters": parameters,
        "rollout_tokens_per_second": count * options["completion"] / statistics.median(drawing[steady]),
        "train_tokens_per_second": count * (length - 1) / statistics.median(learning[steady]),
        "steps_per_minute": 60 / statistics.median(whole[steady]),
        "step_ms": 1000 * statistics.median(whole[steady]),
        "step_ms_best": 1000 * min(whole[steady]),
        "peak_rss_mb": peak_rss_mb(),
    }))


main()
