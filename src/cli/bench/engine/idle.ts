import { setTimeout as sleep } from 'node:timers/promises'
import { Engine } from '../../../generate/index.ts'
import { promptOf } from '../measure.ts'
import type { Scenario } from './scenario.ts'

export interface IdleFigures {
  readonly seconds: number
  /** Processor time of this process, in percent of one core. */
  readonly core_percent: number
}

/** What an open engine takes that has worked and has nothing to do. */
export async function measureIdle({ model, threads, signal }: Scenario): Promise<IdleFigures> {
  await using engine = await Engine.create(model, { threads })
  await engine.generate({ prompt: promptOf(64, model.model.vocabulary), maxNewTokens: 16, signal }).finish
  await sleep(500, undefined, { signal })
  const [started, before] = [performance.now(), process.cpuUsage()]
  await sleep(5000, undefined, { signal })
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - started) / 1000
  return { seconds, core_percent: (user + system) / 1e4 / seconds }
}
