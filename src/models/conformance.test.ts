import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { kernelLibrary } from '../runtime/kernels.ts'
import {
  greedy,
  largestGap,
  logitsAlone,
  logitsInTwoSteps,
  type Prompts,
  promptsOf,
  rowsAt,
} from './testing/compare.ts'
import { EncoderRunner, encoderInputsOf } from './testing/encoder.ts'
import { type Fixture, fixtures, loadFixture, openReference, type Reference } from './testing/fixture.ts'
import { largestGradientGap, lossAndGradients } from './testing/gradients.ts'
import { ModelRunner } from './testing/runner.ts'
import { conformanceTable, type Row, withoutNumbers } from './testing/table.ts'

/** The largest error of a logit in f32. */
const tolerance = 2e-4
const forms = kernelLibrary().operators.size > 0 ? [false, true] : [false]
const decoders = fixtures().filter(({ family }) => family !== 'bert')
const encoders = fixtures().filter(({ family }) => family === 'bert')
const rows = new Map<string, Row>()

/** Keeps the worst of the forms. */
function note(fixture: Fixture, found: Omit<Row, 'fixture'>): void {
  const known = rows.get(fixture.name)
  const worse = (left: number | undefined, right: number | undefined) =>
    left === undefined || right === undefined ? (left ?? right) : Math.max(left, right)
  rows.set(fixture.name, {
    fixture,
    logits: Math.max(known?.logits ?? 0, found.logits),
    greedy: found.greedy === undefined ? known?.greedy : (known?.greedy ?? true) && found.greedy,
    padding: worse(known?.padding, found.padding),
    cache: worse(known?.cache, found.cache),
    batch: Math.max(known?.batch ?? 0, found.batch),
    gradient: worse(known?.gradient, found.gradient),
  })
}

async function equalsReference(runner: ModelRunner, prompts: Prompts, reference: Reference): Promise<boolean> {
  const expected = await reference.integers('greedy')
  const found = await greedy(runner, prompts, expected.shape[1] as number)
  return found.flat().join() === expected.data.join()
}

describe.each(forms)('the families against the reference (native kernels: %s)', (kernels) => {
  it.each(decoders.map((fixture) => [fixture.name, fixture] as const))('%s', async (_, fixture) => {
    const loaded = await loadFixture(fixture)
    await using reference = await openReference(fixture)
    using runner = new ModelRunner(loaded, kernels)
    const { vocabulary } = loaded.model
    const [right, left] = [await promptsOf(reference), await promptsOf(reference, 'left')]
    const tokensOf = (logits: Float32Array, { places }: Prompts) => rowsAt(logits, places, vocabulary)

    const expected = tokensOf(await reference.floats('logits'), right)
    const logits = tokensOf(await runner.logits(right.tokens), right)
    const leftLogits = tokensOf(await runner.logits(left.tokens), left)
    const cached = [await logitsInTwoSteps(runner, right, 8), await logitsInTwoSteps(runner, left, 8)]
    if (loaded.model.cacheLayout[0]?.latent) {
      for (const latent of ['expanded', 'absorbed'] as const) {
        using inForm = new ModelRunner(loaded, kernels, { latent })
        cached.push(await logitsInTwoSteps(inForm, right, 8), tokensOf(await inForm.logits(left.tokens), left))
      }
    }
    const row = {
      logits: Math.max(largestGap(logits, expected), largestGap(leftLogits, expected)),
      greedy: (await equalsReference(runner, right, reference)) && (await equalsReference(runner, left, reference)),
      padding: largestGap(logits, leftLogits),
      cache: Math.max(...cached.map((found) => largestGap(found, logits))),
      batch: largestGap(await logitsAlone(runner, right), logits),
    }
    note(fixture, row)
    expect(row.logits).toBeLessThanOrEqual(tolerance)
    expect(row.greedy).toBe(true)
    expect(Math.max(row.padding, row.cache, row.batch)).toBeLessThanOrEqual(tolerance)

    if (reference.names.some((name) => name.startsWith('grad.'))) {
      const { loss, gradients } = await lossAndGradients(loaded, right, kernels)
      expect(loss).toBeCloseTo((await reference.floats('loss'))[0] as number, 4)
      const gradient = await largestGradientGap(gradients, reference)
      note(fixture, { ...row, gradient })
      expect(gradient).toBeLessThanOrEqual(1e-3)
    }
  })
})

describe.each(forms)('encoders against the reference (native kernels: %s)', (kernels) => {
  it.each(encoders.map((fixture) => [fixture.name, fixture] as const))('%s', async (_, fixture) => {
    const loaded = await loadFixture(fixture)
    await using reference = await openReference(fixture)
    using runner = new EncoderRunner(loaded, kernels)
    const { width, vocabulary, hasHead } = loaded.model
    const { tokens, places, rows: lengths } = await encoderInputsOf(reference)
    const found = await runner.run(tokens)
    const gaps = [
      largestGap(rowsAt(found.hidden, places, width), rowsAt(await reference.floats('hidden'), places, width)),
      largestGap(found.embedding, await reference.floats('embedding')),
    ]
    if (hasHead) {
      const expected = rowsAt(await reference.floats('logits'), places, vocabulary)
      gaps.push(largestGap(rowsAt(found.logits as Float32Array, places, vocabulary), expected))
    }
    const alone = await Promise.all(lengths.map(async (only) => (await runner.run(only)).embedding))
    const batch = largestGap(Float32Array.from(alone.flatMap((vector) => [...vector])), found.embedding)
    note(fixture, { logits: Math.max(...gaps), batch })
    expect(Math.max(...gaps, batch)).toBeLessThanOrEqual(tolerance)
  })
})

const page = fileURLToPath(new URL('../../docs/models.md', import.meta.url))

describe('docs/models.md', () => {
  it('holds the table of this test (`npm run docs:models` writes it)', () => {
    const table = conformanceTable([...rows.values()])
    const [before, , after] = readFileSync(page, 'utf8').split(/<!-- (?:conformance|end) -->\n/)
    const current = `${before}<!-- conformance -->\n${table}\n<!-- end -->\n${after}`
    if (process.env.R1_WRITE_DOCS) writeFileSync(page, current)
    expect(withoutNumbers(readFileSync(page, 'utf8'))).toBe(withoutNumbers(current))
  })
})

afterAll(() => console.log(conformanceTable([...rows.values()])))
