/**
 * Measures the product and its peers on the same work, taking turns: `npm run bench:peers -- --help`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gemmShapes, measureGemm } from './gemm.mjs'
import { describeMachine } from './machine.mjs'
import { gemmTable, machineLine, trainingTable } from './report.mjs'
import { sides } from './sides.mjs'
import { measureTraining } from './training.mjs'

const HELP = `npm run bench:peers -- [options]

  --configs a,b,smollm2-full,smollm2-lora   what is trained (default: all)
  --sides ours,torch,jax-js,onnxruntime     who takes part (default: all)
  --modes stock,f32,f32-compile,bf16,bf16-compile   (default: all; stock is ours without native kernels)
  --rounds N     turns of each side (default 5)
  --seconds N    length of one turn (default 2)
  --threads N    (default 2)
  --patience N   wait up to N seconds before a turn for other processes to leave the processor (default 20)
  --merged       torch with one product for query, key, value and one for gate, up (default: separate, the faster)
  --gemm         matrix products instead of training
  --out FOLDER   where results.json and results.md go (default bench/peers/results)

Example: npm run bench:peers -- --configs a --sides ours,torch --rounds 3
`

const here = import.meta.dirname
const { values } = parseArgs({
  options: {
    configs: { type: 'string' },
    sides: { type: 'string' },
    modes: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    patience: { type: 'string', default: '20' },
    merged: { type: 'boolean', default: false },
    gemm: { type: 'boolean', default: false },
    out: { type: 'string', default: join(here, 'results') },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

const configurations = JSON.parse(readFileSync(join(here, 'configurations.json'), 'utf8'))
const chosen = (list, all, what) => {
  const names = list?.split(',') ?? all
  const unknown = names.filter((name) => !all.includes(name))
  if (unknown.length > 0) {
    console.error(`unknown ${what} ${unknown.join(', ')}: choose from ${all.join(', ')}`)
    process.exit(2)
  }
  return names
}
const configNames = chosen(values.configs, Object.keys(configurations), '--configs')
const sideNames = chosen(
  values.sides,
  sides.map((side) => side.name),
  '--sides',
)
const modes = chosen(values.modes, [...new Set(sides.flatMap((side) => [...side.modes, ...side.gemmModes]))], '--modes')
const options = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  threads: Number(values.threads),
  patience: Number(values.patience),
  merged: values.merged,
}

const taking = sides.filter((side) => sideNames.includes(side.name))
for (const side of taking) side.setUp()
const machine = describeMachine()
const result = { when: new Date().toISOString(), machine, options, ...(values.gemm ? { gemm: [] } : { training: [] }) }
const tables = [machineLine(machine, options)]
console.log(tables[0])
mkdirSync(values.out, { recursive: true })

/** Written after every part, so that a run that is cut short keeps what it has. */
const keep = (table) => {
  tables.push(table)
  console.log(`\n${table}`)
  const name = values.gemm ? 'gemm' : 'results'
  writeFileSync(join(values.out, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`)
  writeFileSync(join(values.out, `${name}.md`), `${tables.join('\n\n')}\n`)
}

if (values.gemm) {
  result.gemm = await measureGemm(taking, modes, gemmShapes, options)
  keep(gemmTable(result.gemm))
} else {
  for (const name of configNames) {
    const entry = await measureTraining(name, configurations[name], taking, modes, options)
    result.training.push(entry)
    keep(trainingTable(entry))
  }
}
