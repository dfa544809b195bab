import { R1Error } from '../../errors.ts'
import { type Dtype, dtypeLayouts, elementCount } from '../bytes/dtype.ts'
import type { Checkpoint, TensorEntry } from '../checkpoint.ts'
import { tensorOfFloat32, type WritableTensor } from '../writable.ts'
import type { GgufFamily } from './families.ts'
import { configNumber, headDimension, ropeType } from './from-config.ts'
import { reorderHeadRows, transposeInto } from './layouts.ts'
import { type NameMatch, NameTable, nameOf } from './names.ts'
import { type Llama3Scaling, llama3Factors } from './rope.ts'

/** Buffers and duplicates that GGUF files leave out. */
const leftOut = /(rotary_emb\.inv_freq|\.attn\.(masked_)?bias|position_ids|^pooler\.dense\.(weight|bias))$/

/** Prefixes under which some libraries save the same tensors. */
function canonicalName(family: GgufFamily, name: string): string {
  if (family.architecture === 'bert') return name.replace(/^bert\./, '')
  if (family.architecture === 'gpt2') return name.replace(/^(wte|wpe|ln_f|h)\./, 'transformer.$1.')
  return name
}

/** Vectors and small matrices that steer others stay exact. */
const alwaysExact = /^(position_embd|token_types|blk\.\d+\.ffn_gate_inp)\./
/** The embedding and the head keep eight bits where the rest has four. */
const moreExact = /^(token_embd|output)\.weight$/

/** The type a tensor is written in, when `wanted` is asked for. */
export function chooseDtype(gguf: string, shape: readonly number[], wanted: Dtype): Dtype {
  if (shape.length < 2 || alwaysExact.test(gguf)) return 'F32'
  const dtype = moreExact.test(gguf) && wanted.startsWith('Q4') ? 'Q8_0' : wanted
  return (shape.at(-1) ?? 0) % dtypeLayouts[dtype].block === 0 ? dtype : 'F16'
}

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** The values of a tensor, laid out as llama.cpp wants them. */
async function laidOut(checkpoint: Checkpoint, entry: TensorEntry, { rule }: NameMatch): Promise<Float32Array> {
  const values = await checkpoint.readFloat32(entry.name)
  const [rows = 1, columns = 1] = entry.shape
  switch (rule.layout) {
    case 'rotary-q':
    case 'rotary-k': {
      const key = rule.layout === 'rotary-q' ? 'num_attention_heads' : 'num_key_value_heads'
      const heads = configNumber(checkpoint.config, key, configNumber(checkpoint.config, 'num_attention_heads'))
      reorderHeadRows(bytesOf(values), heads, values.byteLength / rows, false)
      return values
    }
    case 'plus-one':
      return values.map((value) => value + 1)
    case 'transposed': {
      if (entry.shape.length !== 2) return values
      const turned = new Float32Array(values.length)
      transposeInto(bytesOf(values), bytesOf(turned), rows, columns, 4)
      return turned
    }
    default:
      return values
  }
}

function single(checkpoint: Checkpoint, entry: TensorEntry, match: NameMatch, wanted: Dtype): WritableTensor {
  const name = nameOf(match, 'gguf')
  const turned = match.rule.layout === 'transposed' && entry.shape.length === 2
  const shape = turned ? [...entry.shape].reverse() : entry.shape
  return tensorOfFloat32(name, chooseDtype(name, shape, wanted), shape, () => laidOut(checkpoint, entry, match))
}

/** All experts of a layer in one tensor, each read when its turn comes. */
function stacked(checkpoint: Checkpoint, name: string, experts: readonly TensorEntry[], wanted: Dtype): WritableTensor {
  const [first] = experts
  if (!first || experts.length !== Object.keys(experts).length) {
    throw new R1Error('bad-checkpoint', `An expert of ${name} is missing.`, { remedy: 'Fetch the checkpoint again.' })
  }
  const dtype = chooseDtype(name, first.shape, wanted)
  const parts = experts.map((entry) =>
    tensorOfFloat32(entry.name, dtype, entry.shape, () => checkpoint.readFloat32(entry.name)),
  )
  return {
    name,
    dtype,
    shape: [experts.length, ...first.shape],
    byteLength: parts.reduce((sum, part) => sum + part.byteLength, 0),
    chunks: async function* () {
      for (const part of parts) yield* part.chunks()
    },
  }
}

/** `kv_b_proj` of latent attention, in the two halves that llama.cpp wants: keys transposed, values as they are. */
function latentHalves(checkpoint: Checkpoint, entry: TensorEntry, layer: string, wanted: Dtype): WritableTensor[] {
  const heads = configNumber(checkpoint.config, 'num_attention_heads')
  const keyDim = configNumber(checkpoint.config, 'qk_nope_head_dim')
  const valueDim = configNumber(checkpoint.config, 'v_head_dim')
  const rank = entry.shape[1] ?? 0
  const half = (name: string, shape: number[], fill: (joined_DR: Float32Array, into: Float32Array) => void) =>
    tensorOfFloat32(`blk.${layer}.${name}.weight`, chooseDtype(name, shape, wanted), shape, async () => {
      const joined = await checkpoint.readFloat32(entry.name)
      const values = new Float32Array(elementCount(shape) ?? 0)
      const size = values.length / heads
      const headSize = (keyDim + valueDim) * rank
      for (let head = 0; head < heads; head += 1) {
        fill(joined.subarray(head * headSize, (head + 1) * headSize), values.subarray(head * size, (head + 1) * size))
      }
      return values
    })
  return [
    half('attn_k_b', [heads, rank, keyDim], (joined_DR, into) => {
      transposeInto(bytesOf(joined_DR.subarray(0, keyDim * rank)), bytesOf(into), keyDim, rank, 4)
    }),
    half('attn_v_b', [heads, valueDim, rank], (joined_DR, into) => into.set(joined_DR.subarray(keyDim * rank))),
  ]
}

function ropeFactors(config: Readonly<Record<string, unknown>>): WritableTensor[] {
  if (ropeType(config) !== 'llama3') return []
  const number = (key: string) => configNumber(config, key)
  const scaling: Llama3Scaling = {
    rope_type: 'llama3',
    factor: number('factor'),
    low_freq_factor: number('low_freq_factor'),
    high_freq_factor: number('high_freq_factor'),
    original_max_position_embeddings: number('original_max_position_embeddings'),
  }
  const factors = llama3Factors(scaling, number('rope_theta'), headDimension(config))
  return [tensorOfFloat32('rope_freqs.weight', 'F32', [factors.length], factors)]
}

/**
 * The tensors of a checkpoint under llama.cpp's names, in its layouts, as `wanted` where their shape allows.
 *
 * @throws R1Error 'unsupported-checkpoint' where a tensor has no place in the format
 */
export function ggufTensors(checkpoint: Checkpoint, family: GgufFamily, wanted: Dtype): WritableTensor[] {
  const names = new NameTable(family, 'hf')
  const tensors: WritableTensor[] = ropeFactors(checkpoint.config)
  const experts = new Map<string, TensorEntry[]>()
  for (const entry of checkpoint.tensors.values()) {
    const name = canonicalName(family, entry.name)
    if (leftOut.test(name) || (name === 'lm_head.weight' && checkpoint.config.tie_word_embeddings === true)) continue
    const match = names.match(name)
    if (!match) {
      throw new R1Error(
        'unsupported-checkpoint',
        `The tensor ${entry.name} has no place in a ${family.architecture} GGUF.`,
        {
          remedy: 'Export it as safetensors.',
        },
      )
    }
    const gguf = nameOf(match, 'gguf')
    if (match.rule.layout === 'experts') {
      const group = experts.get(gguf) ?? []
      group[Number(match.expert)] = entry
      experts.set(gguf, group)
    } else if (match.rule.gguf === 'blk.{n}.attn_kv_b') {
      tensors.push(...latentHalves(checkpoint, entry, match.layer, wanted))
    } else {
      tensors.push(single(checkpoint, entry, match, wanted))
    }
  }
  for (const [name, group] of experts) tensors.push(stacked(checkpoint, name, group, wanted))
  return tensors
}
