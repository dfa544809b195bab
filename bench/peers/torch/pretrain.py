"""PyTorch's side of `npm run proof:pretrain`: the same start, tokens and schedule as the product's pretraining.

Usage: pretrain.py <folder> <precision: f32 | bf16> <threads>

The folder holds start/ (a checkpoint), plan.json, and the rows as ids, targets (u16) and weights (u8), `train.*` in the
order of training and `held-out.*`. Progress is kept in torch.state, so that a run that was cut goes on; what was found is
written to torch.json.
"""

import json
import math
import os
import sys
import time

import numpy
import torch

import model as peer

BETAS = (0.9, 0.95)
WEIGHT_DECAY = 0.1
CLIP_NORM = 1.0
STEPS_BETWEEN_STATES = 100


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(bytearray(data[slice(*entry["data_offsets"])]), dtype=torch.float32).view(entry["shape"])
        for name, entry in header.items()
    }


def decoder_of(folder):
    """The start checkpoint as the peer's own module: f32, tied embeddings."""
    config = json.load(open(os.path.join(folder, "start/config.json")))
    weights = read_safetensors(os.path.join(folder, "start/model.safetensors"))
    peer.NORM_EPSILON = config["rms_norm_eps"]
    peer.ROPE_BASE = float(config["rope_theta"])
    decoder = peer.Decoder(
        {
            "width": config["hidden_size"],
            "vocabulary": config["vocab_size"],
            "sequence": config["max_position_embeddings"],
            "layers": config["num_hidden_layers"],
            "heads": config["num_attention_heads"],
            "keyValueHeads": config["num_key_value_heads"],
            "feedForward": config["intermediate_size"],
            "loraRank": 0,
        },
        merged=False,
        base_dtype=torch.float32,
    )

    def fill(parameter, name):
        with torch.no_grad():
            parameter.copy_(weights.pop(name))

    fill(decoder.embedding, "model.embed_tokens.weight")
    fill(decoder.norm.weight, "model.norm.weight")
    for index, block in enumerate(decoder.blocks):
        prefix = f"model.layers.{index}"
        fill(block.attention_norm.weight, f"{prefix}.input_layernorm.weight")
        fill(block.feed_forward_norm.weight, f"{prefix}.post_attention_layernorm.weight")
        for part, letter in zip(block.query_key_value.parts, "qkv"):
            fill(part.weight, f"{prefix}.self_attn.{letter}_proj.weight")
        fill(block.output.parts[0].weight, f"{prefix}.self_attn.o_proj.weight")
        for part, name in zip(block.gate_up.parts, ["gate", "up"]):
            fill(part.weight, f"{prefix}.mlp.{name}_proj.weight")
        fill(block.down.parts[0].weight, f"{prefix}.mlp.down_proj.weight")
    if weights:
        raise ValueError(f"the checkpoint holds more than the model: {sorted(weights)}")
    return decoder


def rows_of(folder, name, length):
    """Ids, targets and weights, [rows, length] each, read as they are needed."""
    read = lambda part, dtype: numpy.memmap(os.path.join(folder, f"{name}.{part}"), dtype, "r").reshape(-1, length)
    return read("ids", numpy.uint16), read("targets", numpy.uint16), read("weights", numpy.uint8)


def tensor(rows):
    return torch.from_numpy(rows.astype(numpy.int64))


def cut(decoder, length):
    """Tables of rotation as long as a row."""
    decoder.cosine, decoder.sine = decoder.cosine[:length], decoder.sine[:length]


def sum_of_losses(decoder, rows, batch):
    """Nats over every held-out target that counts."""
    ids, targets, weights = rows
    total = 0.0
    for begin in range(0, len(ids), batch):
        part = slice(begin, begin + batch)
        wanted = tensor(targets[part])
        wanted[torch.from_numpy(weights[part].astype(bool)).logical_not()] = -100
        count = int((wanted != -100).sum())
        with torch.no_grad():
            total += decoder(tensor(ids[part]), wanted).item() * count
    return total


def main():
    folder, precision, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    plan = json.load(open(os.path.join(folder, "plan.json")))
    batch, length, rates = plan["batch"], plan["length"], plan["rates"]
    decoder = decoder_of(folder)
    cut(decoder, length)
    parameters = list(decoder.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=rates[0], betas=BETAS, eps=1e-8, fused=True)
    state_path = os.path.join(folder, "torch.state")
    step, losses, seconds = 0, [], 0.0
    if os.path.exists(state_path):
        state = torch.load(state_path, weights_only=True)
        decoder.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step, losses, seconds = state["step"], state["losses"], state["seconds"]
    ids, targets, weights = rows_of(folder, "train", length)
    if not weights.all():
        raise ValueError("every target of the training rows must count")
    while step < len(rates):
        started = time.perf_counter()
        part = slice(step * batch, (step + 1) * batch)
        for group in optimiser.param_groups:
            group["lr"] = rates[step]
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = decoder(tensor(ids[part]), tensor(targets[part]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(loss.item())
        seconds += time.perf_counter() - started
        step += 1
        if step % STEPS_BETWEEN_STATES == 0 or step == len(rates):
            state = {"model": decoder.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save({**state, "step": step, "losses": losses, "seconds": seconds}, state_path + ".tmp")
            os.replace(state_path + ".tmp", state_path)
            rate = step * batch * length / seconds
            print(f"torch  {step}/{len(rates)}  loss {losses[-1]:.4f}  {rate:.0f} tokens/s", flush=True)
    nats = sum_of_losses(decoder, rows_of(folder, "held-out", length), batch)
    found = {
        "bitsPerByte": nats / math.log(2) / plan["heldOutBytes"],
        "tokensPerSecond": len(rates) * batch * length / seconds,
        "losses": losses,
        "version": torch.__version__,
    }
    with open(os.path.join(folder, "torch.json"), "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
