import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { writeModelConfig } from './write-config.ts'

it('writes whole numbers under keys of floats with a point, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'r1-config-'))
  const config = {
    attention_dropout: 0,
    rope_theta: 500000,
    rms_norm_eps: 1e-6,
    vocab_size: 160,
    query_pre_attn_scalar: 24,
    norm_topk_prob: true,
    rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32, beta_fast: 32 },
    note: '"factor": 4',
    final_logit_softcapping: 30,
  }
  await writeModelConfig(folder, config)
  const text = await readFile(join(folder, 'config.json'), 'utf8')
  await rm(folder, { recursive: true })
  expect(JSON.parse(text)).toEqual(config)
  expect(text.match(/"\w+": \d+\.0(?=,?\n)/g)).toEqual([
    '"attention_dropout": 0.0',
    '"rope_theta": 500000.0',
    '"factor": 4.0',
    '"beta_fast": 32.0',
    '"final_logit_softcapping": 30.0',
  ])
})
