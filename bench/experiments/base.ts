import { lastCheckpoint, runStages, type Setting } from './experiment.ts'
import { answerOf, problems, type Task, take, writeLines } from './letters.ts'

/** Options of the small model that every experiment on letters begins with. */
export const smallModel = 'model: { family: r1, layers: 2, hidden: 128, positions: 64 }\n'

/** A model that has learnt to answer words by one of several tasks, each as often as the others. */
export async function baseModel(
  setting: Setting,
  { tasks, lengths, steps }: { tasks: readonly Task[]; lengths: readonly number[]; steps: number },
): Promise<string> {
  let turn = 0
  const lines = function* () {
    for (const { word, prompt } of take(12_000, problems('train', setting.seed, lengths))) {
      yield { prompt, completion: answerOf(tasks[turn++ % tasks.length] as Task, word) }
    }
  }
  const files = writeLines(setting.folder, 'base.jsonl', lines())
  const results = await runStages(
    setting,
    'base',
    `${smallModel}stages:
  - sft: { data: { files: ${files}, heldOut: 0.01 }, steps: ${steps}, batch: 16, length: 64, rate: 3e-3, saveEvery: 1000 }
`,
  )
  return lastCheckpoint(results)
}
