import { type GgufEntry, realEntry, textEntry, wholeEntry } from '../../../src/checkpoint/gguf/encode.ts'
import { encodeGguf } from '../../../src/checkpoint/gguf/write.ts'
import { tensorOfFloat32 } from '../../../src/checkpoint/writable.ts'

const sizes: [string, number][] = [
  ['block_count', 1],
  ['context_length', 64],
  ['embedding_length', 32],
  ['feed_forward_length', 32],
  ['attention.head_count', 2],
]

function entries(architecture: string, more: GgufEntry[]): GgufEntry[] {
  return [
    textEntry('general.architecture', architecture),
    ...sizes.map(([key, value]) => wholeEntry(`${architecture}.${key}`, value)),
    realEntry(`${architecture}.attention.layer_norm_rms_epsilon`, 1e-6),
    ...more,
  ]
}

const tensor = (name: string, shape: number[], dtype: 'F32' | 'Q4_0' | 'Q8_0' = 'F32') =>
  tensorOfFloat32(name, dtype, shape, new Float32Array(shape.reduce((product, side) => product * side, 1)).fill(0.5))

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of parts) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

const vocabulary: GgufEntry[] = [
  textEntry('tokenizer.ggml.model', 'gpt2'),
  textEntry('tokenizer.ggml.pre', 'gpt-2'),
  { key: 'tokenizer.ggml.tokens', type: 'STRING', value: ['a', 'b', 'ab', '<s>'] },
  { key: 'tokenizer.ggml.token_type', type: 'I32', value: [1, 1, 1, 3] },
  { key: 'tokenizer.ggml.merges', type: 'STRING', value: ['a b'] },
]

/** Small GGUF files in which tensors are reordered, split into experts, put together and transposed. */
export function ggufSeeds(): Promise<Uint8Array[]> {
  const llama = encodeGguf(entries('llama', [wholeEntry('llama.attention.head_count_kv', 1), ...vocabulary]), [
    tensor('token_embd.weight', [4, 32]),
    tensor('blk.0.attn_q.weight', [32, 32], 'Q4_0'),
    tensor('blk.0.attn_k.weight', [16, 32], 'Q8_0'),
    tensor('rope_freqs.weight', [8]),
  ])
  const latent = [
    wholeEntry('deepseek2.expert_used_count', 1),
    wholeEntry('deepseek2.expert_feed_forward_length', 32),
    wholeEntry('deepseek2.expert_count', 2),
    wholeEntry('deepseek2.attention.kv_lora_rank', 32),
    wholeEntry('deepseek2.rope.dimension_count', 8),
  ]
  const deepseek = encodeGguf(entries('deepseek2', latent), [
    tensor('blk.0.attn_k_b.weight', [2, 32, 32], 'Q8_0'),
    tensor('blk.0.attn_v_b.weight', [2, 16, 32]),
    tensor('blk.0.ffn_up_exps.weight', [2, 32, 32], 'Q4_0'),
  ])
  const gpt2 = encodeGguf(entries('gpt2', [realEntry('gpt2.attention.layer_norm_epsilon', 1e-5)]), [
    tensor('blk.0.attn_qkv.weight', [96, 32], 'Q4_0'),
    tensor('blk.0.ffn_up.weight', [32, 32]),
  ])
  // Lists as long as this are stepped over and read later.
  const many = vocabulary.map((entry) =>
    entry.key === 'tokenizer.ggml.tokens'
      ? { ...entry, value: ['a', 'b', 'ab', '<s>', ...Array.from({ length: 300 }, (_, at) => `x${at}`)] }
      : entry,
  )
  const long = encodeGguf(entries('llama', many), [tensor('token_embd.weight', [4, 32])])
  return Promise.all([llama, deepseek, gpt2, long].map(collect))
}

const text = (template: string) => new TextEncoder().encode(template)

/** Chat templates in the manner of published ones. */
export const templateSeeds: readonly Uint8Array[] = [
  text(
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}",
  ),
  text(
    "{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'system' and not ns.found %}{% set ns.found = true %}" +
      "{{ m.content }}{% elif m.role == 'assistant' %}{{ m.content.split('</think>')[-1] }}{% else %}{{ '<u>' ~ (m.content | trim) }}" +
      "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<a><think>\n' }}{% endif %}",
  ),
  text(
    '{%- macro render(items) -%}{%- for item in items -%}{{ item | tojson }}{%- endfor -%}{%- endmacro -%}{{ render(messages) }}' +
      "{% for i in range(messages | length) %}{{ messages[i].content[:5] | upper | replace('E', '3') }}{% endfor %}",
  ),
]
