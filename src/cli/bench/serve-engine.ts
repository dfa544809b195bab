import { R1Error } from '../../errors.ts'
import { closedLoop, type LoadPlan, promptText } from './serve-plan.ts'

/** The engine alone, without a server, over the same prompts: tokens a second. */
export async function runEngine(
  name: string | undefined,
  threads: string | undefined,
  { clients, requests, tokens, characters }: LoadPlan,
): Promise<{ readonly throughput: number }> {
  const { DeepSeekR1 } = await import('../../generate/index.ts')
  const { defaultModel } = await import('../../checkpoint/shipped.ts')
  const model = await DeepSeekR1.fromPretrained(name ?? defaultModel() ?? missing(), {
    slots: clients,
    ...(threads !== undefined && { threads: Number(threads) }),
  })
  const ask = async (index: number) => {
    const prompt = model.tokenizer.encode(promptText(index, characters), { addSpecial: true })
    await model.engine.generate({ prompt, maxNewTokens: tokens, salt: String(index) }).all()
  }
  await closedLoop(Math.max(clients, 4), clients, (index) => ask(requests + index))
  const started = performance.now()
  await closedLoop(requests, clients, ask)
  const throughput = (requests * tokens * 1000) / (performance.now() - started)
  await model.close()
  return { throughput }
}

function missing(): never {
  throw new R1Error('no-shipped-model', 'This package ships no model.', { remedy: 'Give one with --model.' })
}
