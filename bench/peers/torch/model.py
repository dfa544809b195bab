"""The Llama-style decoder of the benchmark, written as one would write it for PyTorch.

Shapes: B batch, S sequence, D width, H query heads, K key/value heads, d = D/H head width, F feed-forward width,
V vocabulary, r LoRA rank. Names end in their shape where it is not plain.
"""


import torch
import torch.nn.functional as F
from torch import nn

LORA_SCALE = 2.0  # alpha / r
NORM_EPSILON = 1e-5
ROPE_BASE = 10000.0


class Projection(nn.Module):
    """One product for several linear layers that read the same input (query, key, value; gate, up).

    With LoRA the merged base is frozen, the r rows of all the `a` factors are one product, and each `b` has its own.
    """

    def __init__(self, inputs, outputs, rank, base_dtype):
        super().__init__()
        self.outputs = outputs
        self.rank = rank
        self.weight = nn.Parameter(torch.randn(sum(outputs), inputs) * 0.02)
        if rank:
            self.weight = nn.Parameter(self.weight.to(base_dtype), requires_grad=False)
            self.lora_a = nn.Parameter(torch.randn(rank * len(outputs), inputs) * 0.02)
            self.lora_b = nn.ParameterList(nn.Parameter(torch.zeros(width, rank)) for width in outputs)

    def forward(self, x):
        y = F.linear(x, self.weight.to(x.dtype) if self.rank and not torch.is_autocast_enabled("cpu") else self.weight)
        parts = y.split(self.outputs, -1) if len(self.outputs) > 1 else [y]
        if self.rank:
            low = F.linear(x, self.lora_a)
            lows = low.split(self.rank, -1) if len(self.outputs) > 1 else [low]
            parts = [part + LORA_SCALE * F.linear(low, b) for part, low, b in zip(parts, lows, self.lora_b)]
        return parts


class SeparateProjections(nn.Module):
    """The same with one product a linear layer, as most published code has it."""

    def __init__(self, inputs, outputs, rank, base_dtype):
        super().__init__()
        self.parts = nn.ModuleList(Projection(inputs, [width], rank, base_dtype) for width in outputs)

    def forward(self, x):
        return [part(x)[0] for part in self.parts]


class Norm(nn.Module):
    def __init__(self, width, frozen):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width), requires_grad=not frozen)

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), NORM_EPSILON)


def rotate(x_BHSd, cosine_Sd, sine_Sd):
    half = x_BHSd.shape[-1] // 2
    turned = torch.cat([-x_BHSd[..., half:], x_BHSd[..., :half]], -1)
    return x_BHSd * cosine_Sd.to(x_BHSd.dtype) + turned * sine_Sd.to(x_BHSd.dtype)


class Block(nn.Module):
    def __init__(self, config, merged, base_dtype):
        super().__init__()
        width, feed_forward, rank = config["width"], config["feedForward"], config["loraRank"]
        self.heads, self.kv_heads = config["heads"], config["keyValueHeads"]
        self.head_width = width // self.heads
        kv_width = self.kv_heads * self.head_width
        kind = Projection if merged else SeparateProjections
        self.attention_norm = Norm(width, rank > 0)
        self.query_key_value = kind(width, [width, kv_width, kv_width], rank, base_dtype)
        self.output = kind(width, [width], rank, base_dtype)
        self.feed_forward_norm = Norm(width, rank > 0)
        self.gate_up = kind(width, [feed_forward, feed_forward], rank, base_dtype)
        self.down = kind(feed_forward, [width], rank, base_dtype)

    def forward(self, x_BSD, cosine_Sd, sine_Sd):
        B, S, D = x_BSD.shape
        query, key, value = self.query_key_value(self.attention_norm(x_BSD))
        query = rotate(query.view(B, S, self.heads, self.head_width).transpose(1, 2), cosine_Sd, sine_Sd)
        key = rotate(key.view(B, S, self.kv_heads, self.head_width).transpose(1, 2), cosine_Sd, sine_Sd)
        value = value.view(B, S, self.kv_heads, self.head_width).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(
            query, key, value, is_causal=True, enable_gqa=self.kv_heads != self.heads
        )
        x_BSD = x_BSD + self.output(mixed.transpose(1, 2).reshape(B, S, D))[0]
        gate, up = self.gate_up(self.feed_forward_norm(x_BSD))
        return x_BSD + self.down(F.silu(gate) * up)[0]


class Decoder(nn.Module):
    """Returns the mean cross-entropy (nats a token) of `targets` [B, S] after `ids` [B, S]."""

    def __init__(self, config, merged, base_dtype):
        super().__init__()
        width, vocabulary, sequence = config["width"], config["vocabulary"], config["sequence"]
        frozen = config["loraRank"] > 0
        embedding = torch.randn(vocabulary, width) * 0.02
        self.embedding = nn.Parameter(embedding.to(base_dtype) if frozen else embedding, requires_grad=not frozen)
        self.blocks = nn.ModuleList(Block(config, merged, base_dtype) for _ in range(config["layers"]))
        self.norm = Norm(width, frozen)
        head_width = width // config["heads"]
        frequency = ROPE_BASE ** (-torch.arange(0, head_width, 2) / head_width)
        angle = torch.outer(torch.arange(sequence), frequency).repeat(1, 2)
        self.register_buffer("cosine", angle.cos())
        self.register_buffer("sine", angle.sin())

    def forward(self, ids, targets):
        x = F.embedding(ids, self.embedding)
        for block in self.blocks:
            x = block(x, self.cosine, self.sine)
        logits = F.linear(self.norm(x), self.embedding)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]).float(), targets.view(-1))



