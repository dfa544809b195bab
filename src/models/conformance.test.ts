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
import { type Fixture, fixtures, loadFixture, openReference, type Reference } from './testing/fixture.ts'
import { largestGradientGap, lossAndGradients } from './testing/gradients.ts'
import { ModelRunner } from './testing/runner.ts'
import { conformanceTable, type Row, withoutNumbers } from './testing/table.ts'

/** The largest error of a logit in f32. */
const tolerance = 2e-4
const forms = kernelLibrary().operators.size > 0 ? [false, true] : [false]
const decoders = fixtures().filter(({ family }) => family !== 'bert')
const rows = new Map<string, Row>()

/** Keeps the worst of the forms. */
function note(fixture: Fixture, found: Omit<Row, 'fixture'>): void {
  const known = rows.get(fixture.name)
  const worse = (left: number | undefined, right: number | undefined) =>
    left === undefined || right === undefined ? (left ?? right) : Math.max(left, right)
  rows.set(fixture.name, {
    fixture,
    logits: Math.max(known?.logits ?? 0, found.logits),
    greedy: (known?.greedy ?? true) && found.greedy,
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
