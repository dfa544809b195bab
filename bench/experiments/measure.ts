import { openCheckpoint } from '../../src/checkpoint/index.ts'
import { BatchStream, ContiguousRows, ListStream, TransformedStream, textExample } from '../../src/data/index.ts'
import { loadModel } from '../../src/models/index.ts'
import { randomWord, streamKey } from '../../src/tensor/index.ts'
import { loadTokenizer } from '../../src/text/index.ts'
import { batchOfTokens } from '../../src/train/batch.ts'
import { HeldOut } from '../../src/train/held-out.ts'
import { nextToken } from '../../src/train/objectives/next-token.ts'
import { Sampler } from '../../src/train/sampling/sampler.ts'

/** What a model writes by itself after each prompt: the most likely tokens, or at temperature 1 what the seed draws. */
export async function answers(
  checkpoint: string,
  prompts: readonly string[],
  { maxNewTokens, threads, seed }: { maxNewTokens: number; threads: number; seed?: number },
): Promise<string[]> {
  await using opened = await openCheckpoint(checkpoint)
  const loaded = await loadModel(opened)
  const tokenizer = await loadTokenizer(checkpoint)
  const eos = tokenizer.special.eos as number
  const ids = prompts.map((prompt) => tokenizer.encode(prompt))
  const context = Math.max(...ids.map(({ length }) => length)) + maxNewTokens + 1
  await using sampler = await Sampler.create(loaded, [eos], { slots: 16, context, threads })
  const texts = await sampler.draw(
    ids.map((prompt, index) => ({
      ...{ prompt, maxNewTokens, temperature: seed === undefined ? 0 : 1 },
      seed: seed === undefined ? 0 : randomWord(streamKey(seed, 'answers'), index),
    })),
  )
  loaded.variables.dispose()
  return texts.map((text) => tokenizer.decode(text.at(-1) === eos ? text.subarray(0, -1) : text))
}

/** Share of the prompts whose answer is right. */
export async function accuracy(
  checkpoint: string,
  problems: readonly { readonly prompt: string; readonly answer: string }[],
  options: { maxNewTokens: number; threads: number; seed?: number },
): Promise<number> {
  const given = await answers(
    checkpoint,
    problems.map(({ prompt }) => prompt),
    options,
  )
  return given.filter((answer, at) => answer === problems[at]?.answer).length / problems.length
}

/** How many bits a byte of these texts costs a model of bytes. */
export async function bitsPerByte(
  checkpoint: string,
  texts: readonly string[],
  { length, threads }: { length: number; threads: number },
): Promise<number> {
  await using opened = await openCheckpoint(checkpoint)
  const loaded = await loadModel(opened)
  const tokenizer = await loadTokenizer(checkpoint)
  const examples = new TransformedStream(new ListStream(texts), (text) => [textExample(tokenizer, text)])
  const rows = new ContiguousRows(examples, { length, isolated: false, pad: tokenizer.special.pad ?? 0 })
  const batches = []
  for await (const batch of new BatchStream(rows, 16)) batches.push(batchOfTokens(batch))
  using measured = new HeldOut(loaded, nextToken, batches, { threads })
  const { loss } = await measured.measure()
  loaded.variables.dispose()
  return loss / Math.LN2
}
