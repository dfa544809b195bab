import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readAdapter, writeAdapter } from '../checkpoint/peft/adapter.ts'
import { mergeLowRank } from '../checkpoint/peft/merge.ts'
import { logitsOf, Scope, type ScopeOptions } from '../nn/index.ts'
import { NDArray } from '../runtime/array.ts'
import { jit } from '../runtime/jit.ts'
import type { Tensor } from '../tensor/index.ts'
import { addAdapter } from './adapter.ts'
import type { LoadedModel } from './load.ts'
import { largestGap } from './testing/compare.ts'
import { fixtures, loadFixture } from './testing/fixture.ts'

const named = (name: string) =>
  fixtures().find((fixture) => fixture.name === name) as ReturnType<typeof fixtures>[number]
const ids = [3, 1, 4, 1, 5, 9, 2, 6]
const row = (values: readonly number[]) => NDArray.from(values.map(BigInt), [1, values.length], 'i64')

async function logitsWith({ model, variables }: LoadedModel, scope: ScopeOptions): Promise<Float32Array> {
  using step = jit(
    ({ ids, positions }: { ids: Tensor; positions: Tensor }) => {
      const part = new Scope(scope)
      return { logits: logitsOf(model.head(part, model.forward(part, { ids, positions }).hidden)) }
    },
    { variables },
  )
  const { logits } = await step.run({ ids: row(ids), positions: row([...ids.keys()]) })
  return (logits.data as Float32Array).slice()
}

/** An adapter of random factors in PEFT's folder layout, read back: the layers named, each with a rank and scale of its own. */
async function adapterFor({ model }: LoadedModel, layers: RegExp, transposed: boolean) {
  const folder = await mkdtemp(join(tmpdir(), 'r1-unmerged-'))
  const found = model.parameters().filter(({ name }) => layers.test(name))
  const factors = found.map(({ name, tensor }, at) => {
    const [outputs, inputs] = (transposed ? [...tensor.shape].reverse() : [...tensor.shape]) as [number, number]
    const rank = 2 + (at % 2)
    const values = (length: number) => Float32Array.from({ length }, (_, index) => Math.sin(index * 3 + at) / 4)
    return {
      module: name.replace(/\.weight$/, ''),
      a: values(rank * inputs),
      b: values(outputs * rank),
      rank,
      inputs,
      outputs,
    }
  })
  const config = {
    peft_type: 'LORA' as const,
    r: 2,
    lora_alpha: 3,
    use_rslora: true,
    fan_in_fan_out: transposed,
    rank_pattern: Object.fromEntries(factors.map(({ module, rank }) => [module, rank])),
  }
  try {
    await writeAdapter(folder, config, factors)
    return await readAdapter(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe.each([
  ['llama-rope3', /\.(q|down)_proj\.weight$/, false],
  ['deepseek-v3-plain', /\.(kv_b|o)_proj\.weight$/, false],
  ['gpt2-plain', /\.c_(attn|proj|fc)\.weight$/, true],
] as const)('an adapter of %s', (name, layers, transposed) => {
  it('computes unmerged in the graph what the merged weights compute', async () => {
    const loaded = await loadFixture(named(name))
    const adapter = await adapterFor(loaded, layers, transposed)
    const alone = await logitsWith(loaded, {})
    const unmerged = await logitsWith(loaded, { adapter: addAdapter(loaded, adapter) })
    expect(await logitsWith(loaded, {})).toEqual(alone)
    for (const [module, factors] of adapter.factors) {
      mergeLowRank(loaded.variables.get(`${module}.weight`)?.data as Float32Array, factors)
    }
    expect(largestGap(unmerged, await logitsWith(loaded, {}))).toBeLessThan(2e-5)
    expect(largestGap(unmerged, alone)).toBeGreaterThan(0.05)
    loaded.variables.dispose()
  })
})

it('an adapter of another model is refused', async () => {
  const llama = await loadFixture(named('llama-rope3'))
  const adapter = await adapterFor(await loadFixture(named('gpt2-plain')), /c_fc\.weight$/, true)
  expect(() => addAdapter(llama, adapter)).toThrow(expect.objectContaining({ code: 'checkpoint-mismatch' }))
})
