"""Makes tiny random checkpoints of each family, with the greedy tokens that `transformers` generates from them.

    python tools/proof/gguf/make.py FOLDER        (torch, transformers and tokenizers from PyPI)
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

folder = Path(sys.argv[1])
torch.manual_seed(11)
sizes = {
    "vocab_size": 384, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
}  # fmt: skip
llama3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192, "rope_theta": 500000.0,
}  # fmt: skip
latent = {
    **sizes, "num_key_value_heads": 4, "q_lora_rank": 48, "kv_lora_rank": 32, "qk_rope_head_dim": 16, "qk_nope_head_dim": 32,
    "v_head_dim": 32, "n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
    "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1, "routed_scaling_factor": 1.5, "norm_topk_prob": True,
}  # fmt: skip
configurations = {
    "llama": transformers.LlamaConfig(**sizes, tie_word_embeddings=True),
    "llama3": transformers.LlamaConfig(**sizes, rope_parameters=llama3),
    "mistral": transformers.MistralConfig(**sizes, sliding_window=256),
    "qwen2": transformers.Qwen2Config(**sizes),
    "qwen3": transformers.Qwen3Config(**sizes, head_dim=32),
    "qwen3moe": transformers.Qwen3MoeConfig(
        **sizes, head_dim=32, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, norm_topk_prob=True
    ),
    "gemma2": transformers.Gemma2Config(**sizes, head_dim=16, query_pre_attn_scalar=16, sliding_window=64),
    "deepseek_v3": transformers.DeepseekV3Config(**latent),
    "gpt2": transformers.GPT2Config(
        vocab_size=384, n_embd=64, n_layer=2, n_head=4, n_positions=256, bos_token_id=0, eos_token_id=1
    ),
}

texts = [path.read_text() for path in sorted(Path(transformers.__file__).parent.glob("models/llama/*.py"))]
byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = byte_level
tokenizer.decoder = decoders.ByteLevel()
special = ["<s>", "</s>", "<pad>"]
trainer = trainers.BpeTrainer(vocab_size=380, special_tokens=special, initial_alphabet=byte_level.alphabet())
tokenizer.train_from_iterator(texts, trainer)
fast = transformers.PreTrainedTokenizerFast(
    tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
)
fast.chat_template = "{% for message in messages %}<s>{{ message.content }}</s>{% endfor %}"

prompt = "def forward(self, hidden_states):\n    return 数学 🎉"
for name, config in configurations.items():
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    # Default initial weights are so small that every logit is nearly the same: make the model opinionated.
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if weight.dim() >= 2:
                weight.copy_(torch.randn_like(weight) * (1.5 / weight.shape[-1] ** 0.5))
            elif key.endswith("bias"):
                weight.copy_(torch.randn_like(weight) * 0.2)
            else:
                weight.mul_(1 + torch.randn_like(weight) * 0.1)
        for key, buffer in model.named_buffers():
            if key.endswith("e_score_correction_bias"):
                buffer.copy_(torch.randn_like(buffer) * 0.1)
    ids = fast(prompt, add_special_tokens=False)["input_ids"]
    made = list(ids)
    with torch.no_grad():
        for _ in range(64):
            made.append(int(model(torch.tensor([made])).logits[0, -1].argmax()))
    target = folder / name
    model.save_pretrained(target)
    fast.save_pretrained(target)
    (target / "greedy.json").write_text(json.dumps({"text": prompt, "prompt": ids, "tokens": made[len(ids) :]}))
    print(name, sum(weight.numel() for weight in model.parameters()))
