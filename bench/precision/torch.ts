import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { bindModel } from '../../src/models/bind.ts'
import { saveModel } from '../../src/models/index.ts'
import { llama } from '../../src/models/llama.ts'
import { python, setUpPython } from '../peers/setup.mjs'
import { configurationOf, optimizer, type Plan, rateAt } from './plan.ts'
import { type Side, startWeights } from './sides.ts'
import { FreshText } from './text.ts'

/** Trains by PyTorch from the same weights on the same windows; its losses in nats a byte. */
export async function trainTorch(plan: Plan, config: string, seed: number, side: Side) {
  setUpPython()
  const folder = mkdtempSync(join(tmpdir(), 'precision-'))
  try {
    await writeStart(folder, plan, config, seed, side)
    const script = resolve(import.meta.dirname, '../peers/torch/precision.py')
    const { stderr } = await promisify(execFile)(python, [script, folder, side.precision, String(plan.threads)])
    process.stderr.write(stderr)
    const found = JSON.parse(readFileSync(join(folder, 'losses.json'), 'utf8')) as { losses: number[]; version: string }
    return { path: `torch ${found.version}`, losses: found.losses }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function writeStart(folder: string, { steps }: Plan, config: string, seed: number, { moved }: Side) {
  const { model, batch, length } = configurationOf(config)
  using variables = startWeights(config, seed, moved)
  mkdirSync(join(folder, 'start'))
  await saveModel(join(folder, 'start'), { model: bindModel(llama, model), variables })
  const { ids, targets } = new FreshText(length, seed).take(steps * batch)
  const windows = new Uint8Array(steps * batch * (length + 1))
  for (let row = 0; row < steps * batch; row++) {
    windows.set(Uint8Array.from(ids.subarray(row * length, (row + 1) * length), Number), row * (length + 1))
    windows[row * (length + 1) + length] = Number(targets[(row + 1) * length - 1])
  }
  writeFileSync(join(folder, 'windows.u8'), windows)
  const rates = Array.from({ length: steps }, (_, at) => rateAt(at + 1, steps))
  writeFileSync(join(folder, 'plan.json'), JSON.stringify({ batch, length, rates, ...optimizer }))
}
