import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { memorySource } from '../../../src/checkpoint/bytes/source.ts'
import { checkJson, generationConfigSchema, modelConfigSchema } from '../../../src/checkpoint/config.ts'
import { familyOfModelType } from '../../../src/checkpoint/gguf/families.ts'
import { configEntries } from '../../../src/checkpoint/gguf/from-config.ts'
import { tokenizerEntries } from '../../../src/checkpoint/gguf/from-tokenizer.ts'
import { openGgufSource } from '../../../src/checkpoint/gguf/open.ts'
import { decodeText, parseJsonObject } from '../../../src/checkpoint/json.ts'
import { lineageSchema } from '../../../src/checkpoint/lineage.ts'
import { readAdapterConfig } from '../../../src/checkpoint/peft/config.ts'
import { readTorchTensors } from '../../../src/checkpoint/pytorch/open.ts'
import { readSafetensorsHeader } from '../../../src/checkpoint/safetensors/header.ts'
import { readShardIndex } from '../../../src/checkpoint/safetensors/shards.ts'
import { readTensor, readTensorFloat32, storedTensor } from '../../../src/checkpoint/stored.ts'
import { ChatTemplate } from '../../../src/text/template/chat-template.ts'
import { tokenizerFromJson } from '../../../src/text/tokenizer/from-json.ts'
import { tokenizerFromGguf } from '../../../src/text/tokenizer/gguf/from-gguf.ts'
import { repairHeaderLength } from './mutate.ts'
import { ggufSeeds, templateSeeds } from './seeds.ts'
import type { FuzzTarget } from './target.ts'

const root = resolve(import.meta.dirname, '../../..')
const file = (path: string) => new Uint8Array(readFileSync(join(root, path)))
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const parse = (bytes: Uint8Array) => parseJsonObject(decodeText(bytes, 'fuzzed.json'), 'fuzzed.json')

const safetensors: FuzzTarget = {
  name: 'safetensors',
  seeds: ['peft/fixtures/base', 'peft/fixtures/adapter/adapter_model', 'pytorch/fixtures/expected'].map((name) =>
    file(`src/checkpoint/${name}.safetensors`),
  ),
  repair: repairHeaderLength,
  run: async (bytes) => {
    const source = memorySource(bytes, 'fuzzed.safetensors')
    const { tensors } = await readSafetensorsHeader(source)
    for (const tensor of tensors) await readTensorFloat32(storedTensor(tensor, source, tensor.offset))
  },
}

const gguf: FuzzTarget = {
  name: 'gguf',
  seeds: [file('src/checkpoint/gguf/fixtures/types.gguf'), ...(await ggufSeeds())],
  run: async (bytes) => {
    await using checkpoint = await openGgufSource(memorySource(bytes, 'fuzzed.gguf'), 'fuzzed.gguf')
    for (const name of checkpoint.tensors.keys()) {
      await checkpoint.read(name)
      await checkpoint.readFloat32(name)
    }
    if (checkpoint.metadata.has('tokenizer.ggml.model')) tokenizerFromGguf(checkpoint.metadata).encode('Hello 数学 🎉')
  },
}

const pytorch: FuzzTarget = {
  name: 'pytorch',
  seeds: ['new', 'old', 'code'].map((name) => file(`src/checkpoint/pytorch/fixtures/${name}.bin`)),
  run: async (bytes) => {
    for (const tensor of await readTorchTensors(memorySource(bytes, 'fuzzed.bin'))) {
      await readTensor(tensor)
      await readTensorFloat32(tensor)
    }
  },
}

const index: FuzzTarget = {
  name: 'index',
  json: true,
  seeds: [
    json({ metadata: { total_size: 8 }, weight_map: { 'a.weight': 'model-00001-of-00002.safetensors', b: 'c' } }),
  ],
  run: (bytes) => void readShardIndex(parse(bytes), 'fuzzed.json'),
}

const modelConfigs = [
  { model_type: 'llama', hidden_size: 64, num_attention_heads: 4, rope_scaling: { rope_type: 'yarn', factor: 4 } },
  { model_type: 'deepseek_v3', kv_lora_rank: 32, qk_rope_head_dim: 16, n_routed_experts: 4, first_k_dense_replace: 1 },
]

const config: FuzzTarget = {
  name: 'config',
  json: true,
  seeds: [
    ...modelConfigs.map(json),
    file('src/checkpoint/peft/fixtures/adapter/adapter_config.json'),
    json({ version: 1, parent: { name: 'a' }, stage: 'sft', data: {}, metrics: { loss: 1 } }),
    json({ do_sample: true, temperature: 0.6, eos_token_id: [1, 2] }),
  ],
  run: (bytes) => {
    const value = parse(bytes)
    if ('peft_type' in value) readAdapterConfig(value, 'fuzzed.json')
    else if ('stage' in value) checkJson(lineageSchema, value, 'fuzzed.json')
    else if ('temperature' in value) checkJson(generationConfigSchema, value, 'fuzzed.json')
    else {
      checkJson(modelConfigSchema, value, 'fuzzed.json')
      const family = familyOfModelType(value.model_type)
      if (family) configEntries(family, value)
    }
  },
}

const kinds = ['gpt2', 'llama2', 'llama3', 'bert-uncased', 't5']

const tokenizer: FuzzTarget = {
  name: 'tokenizer',
  json: true,
  seeds: kinds.map((kind) => file(`src/text/tokenizer/fixtures/${kind}.tokenizer.json`)),
  run: (bytes) => {
    const value = parse(bytes)
    const built = tokenizerFromJson(value)
    built.decode(built.encode(`Hello, world! 数学 🎉 {"a": 1} ${'a'.repeat(60)}!`))
    tokenizerEntries(
      { tokenizer: value, tokenizerConfig: {}, chatTemplate: undefined },
      { vocab_size: built.vocabularySize },
    )
  },
}

const messages = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'What is 2 + 2?' },
  { role: 'assistant', content: '<think>easy</think>4' },
  { role: 'user', content: 'And 3?' },
]

const template: FuzzTarget = {
  name: 'template',
  seeds: templateSeeds,
  weight: 0.5,
  run: async (bytes) => {
    const limits = { milliseconds: 400, characters: 2 ** 20 }
    await new ChatTemplate(decodeText(bytes, 'fuzzed.jinja'), { limits }).render({ messages })
  },
}

/** Every reader of files from outside. A new format adds itself here. */
export const targets: readonly FuzzTarget[] = [safetensors, gguf, pytorch, index, config, tokenizer, template]
