const sizes = {
  vocab_size: 160,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  hidden_act: 'silu',
  tie_word_embeddings: false,
  moe_intermediate_size: 32,
  num_experts_per_tok: 3,
  norm_topk_prob: true,
}

/** Models with eight experts, whose matrices are made of whole blocks of 32. */
export const mixtures = {
  qwen3_moe: { ...sizes, model_type: 'qwen3_moe', num_key_value_heads: 2, head_dim: 16, num_experts: 8 },
  deepseek_v3: {
    ...sizes,
    model_type: 'deepseek_v3',
    kv_lora_rank: 32,
    q_lora_rank: 32,
    qk_rope_head_dim: 8,
    qk_nope_head_dim: 16,
    v_head_dim: 16,
    n_routed_experts: 8,
    n_shared_experts: 1,
    first_k_dense_replace: 1,
    n_group: 4,
    topk_group: 2,
  },
}
