import type { LoadedModel } from '../../models/index.ts'
import { loadFixture } from '../../models/testing/fixture.ts'
import { randomWord } from '../../tensor/random.ts'
import { Engine, type EngineOptions } from '../engine.ts'
import type { EngineLike } from '../engine-like.ts'
import type { TokenRequest } from '../request.ts'

/** A tiny model with random weights. */
export function loadTiny(name = 'llama-tied'): Promise<LoadedModel> {
  return loadFixture({ name, family: '', variant: '', notes: '' })
}

/** An engine over a tiny model. */
export async function tinyEngine(loaded: LoadedModel, options: EngineOptions = {}): Promise<Engine> {
  return await Engine.create(loaded, { slots: 4, context: 64, chunk: 16, ...options })
}

/** Some tokens of a vocabulary, always the same for one seed. */
export function someTokens(count: number, vocabulary: number, seed: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) => randomWord(seed, index) % vocabulary)
}

/** The tokens of a request, their log-probabilities and its end. */
export async function answerOf(engine: EngineLike, request: TokenRequest) {
  const { tokens, finish } = await engine.generate(request).all()
  return {
    ids: tokens.map(({ id }) => id),
    logProbabilities: tokens.map(({ logProbability }) => logProbability),
    finish,
  }
}
