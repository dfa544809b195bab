/*
 * Kills a run with SIGKILL at random moments, goes on after each, and compares the weights it ends with, byte for byte,
 * with those of a run that nobody disturbed.
 *   npm run proof:resume -- [--kills 20] [--seed 1]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { randomUniform, streamKey } from '../../../src/tensor/index.ts'

const { values: flags } = parseArgs({
  options: { kills: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
})

/** A recipe, and what its stages leave. */
interface Proof {
  readonly stages: string
  readonly results: readonly string[]
  /** Part of the kills that falls to it. */
  readonly share: number
}

const policy: Proof = {
  share: 0.8,
  stages: `
  - pretrain:
      data: { files: text.txt, unit: paragraph, heldOut: 0.1, shuffle: 50 }
      steps: 80
      batch: 8
      accumulation: 2
      length: 128
      saveEvery: 3
      evaluateEvery: 20
      ema: 0.9
  - adapt:
      domains:
        - { files: text.txt, unit: line, heldOut: 0.1, shuffle: 50, share: [[0, 0.2], [1, 0.8]] }
        - { files: text.txt, unit: paragraph, heldOut: 0.1, shuffle: 50 }
      consolidation: { data: { files: text.txt, unit: paragraph }, rows: 16 }
      adversarial: { method: fgm, epsilon: 0.5 }
      workers: 2
      steps: 40
      batch: 4
      length: 128
      saveEvery: 3
  - sft:
      data: { files: pairs.jsonl, heldOut: 0.1, shuffle: 100 }
      steps: 80
      batch: 8
      length: 64
      saveEvery: 3
      adapter: { rank: 4 }
  - dpo:
      data: { files: preferences.jsonl, heldOut: 0.1, shuffle: 100 }
      objectives: { nextToken: 0.1, learned: true }
      steps: 60
      batch: 8
      length: 32
      saveEvery: 3
  - distill:
      teacher: runs/undisturbed/00-model/checkpoint
      onPolicy: { environment: { countdown: { numbers: 2 } }, maxNewTokens: 8 }
      steps: 30
      batch: 4
      length: 64
      saveEvery: 3
  - grpo:
      environment: { countdown: { numbers: 2 } }
      steps: 15
      questions: 4
      group: 4
      promptLength: 40
      maxNewTokens: 8
      measure: { every: 5, problems: 8 }
      guards: { zeroVariance: 0, entropy: 0, passAtK: 1 }
      saveEvery: 2
  - ppo:
      environment: { countdown: { numbers: 2 } }
      steps: 15
      questions: 4
      group: 2
      promptLength: 40
      maxNewTokens: 8
      kl: { target: 0.1 }
      guards: { zeroVariance: 0, entropy: 0, passAtK: 1 }
      saveEvery: 2
  - evaluate: { tasks: [{ environment: countdown, options: { numbers: 2, form: text } }], limit: 16, maxNewTokens: 8 }
  - quantize: { type: q8_0 }
`,
  results: [
    '01-pretrain/checkpoint/model.safetensors',
    '02-adapt/checkpoint/model.safetensors',
    '03-sft/checkpoint/model.safetensors',
    '04-dpo/checkpoint/model.safetensors',
    '05-distill/checkpoint/model.safetensors',
    '06-grpo/checkpoint/model.safetensors',
    '07-ppo/checkpoint/model.safetensors',
    '09-quantize/checkpoint/model-q8_0.gguf',
  ],
}

// What comes out scores texts and writes none, so no other stage goes on from it.
const reward: Proof = {
  share: 0.2,
  stages: `
  - rewardModel:
      data: { files: preferences.jsonl, heldOut: 0.1, shuffle: 100 }
      steps: 30
      batch: 8
      length: 32
      saveEvery: 3
`,
  results: ['01-rewardModel/checkpoint/model.safetensors'],
}

const command = [
  '--import',
  createRequire(import.meta.url).resolve('tsx'),
  fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url)),
  'run',
]

const recipeOf = (name: string, { stages }: Proof) => `name: ${name}
seed: 7
model: { family: r1, layers: 2, hidden: 64, positions: 256 }
stages:${stages}`

async function prepare(folder: string, proof: Proof): Promise<void> {
  const source = await readFile(fileURLToPath(new URL('../../../docs/LOG.md', import.meta.url)), 'utf8')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'text.txt'), source)
  const pairs = Array.from({ length: 400 }, (_, index) =>
    JSON.stringify({ prompt: `${index} + ${index % 13} = `, completion: String(index + (index % 13)) }),
  )
  await writeFile(join(folder, 'pairs.jsonl'), `${pairs.join('\n')}\n`)
  const preferences = pairs.map((line) => {
    const { prompt, completion } = JSON.parse(line) as { prompt: string; completion: string }
    return JSON.stringify({ prompt, chosen: completion, rejected: `${completion}0` })
  })
  await writeFile(join(folder, 'preferences.jsonl'), `${preferences.join('\n')}\n`)
  for (const name of ['undisturbed', 'killed']) {
    await writeFile(join(folder, `${name}.yaml`), recipeOf(name, proof))
  }
}

function start(folder: string, name: string, more: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, [...command, `${name}.yaml`, ...more], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

async function finished(child: ChildProcess): Promise<void> {
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`The run ended with ${code}.`)
}

const hashesOf = (folder: string, name: string, results: readonly string[]): Promise<string[]> =>
  Promise.all(
    results.map(async (path) =>
      createHash('sha256')
        .update(await readFile(join(folder, 'runs', name, path)))
        .digest('hex'),
    ),
  )

/** Kills runs of a recipe so many times, and compares those that end. */
async function prove(folder: string, proof: Proof, wanted: number): Promise<void> {
  const { results } = proof
  await prepare(folder, proof)
  const started = performance.now()
  await finished(start(folder, 'undisturbed'))
  const whole = performance.now() - started
  const expected = await hashesOf(folder, 'undisturbed', results)
  const key = streamKey(Number(flags.seed), 'kills')
  let [kills, ends, begun] = [0, 0, false]
  for (let attempt = 0; kills < wanted || begun; attempt++) {
    const child = start(folder, 'killed', begun ? ['--resume'] : [])
    const exit = once(child, 'exit') as Promise<[number | null]>
    // From before the first step to most of the length, so that kills fall into loading, steps, saving and finishing.
    const moment =
      kills < wanted
        ? setTimeout(() => child.kill('SIGKILL'), whole * (0.1 + 0.6 * randomUniform(key, attempt)))
        : undefined
    const [code] = await exit
    clearTimeout(moment)
    begun = true
    if (code === null) kills++
    else if (code !== 0) throw new Error(`Attempt ${attempt} ended with ${code} instead of being killed.`)
    else {
      const found = await hashesOf(folder, 'killed', results)
      ends++
      for (const [index, path] of results.entries()) {
        console.log(`${found[index] === expected[index] ? 'equal' : 'DIFFERENT'}  ${path}  ${found[index]}`)
      }
      if (found.join() !== expected.join()) process.exitCode = 1
      await rm(join(folder, 'runs', 'killed'), { recursive: true })
      begun = false
    }
  }
  console.log(`${kills} kills, ${ends} runs ended`)
}

for (const proof of [policy, reward]) {
  const folder = await mkdtemp(join(tmpdir(), 'r1-resume-'))
  try {
    await prove(folder, proof, Math.round(Number(flags.kills) * proof.share))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
