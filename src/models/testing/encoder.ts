import { logitsOf, meanPool, normalise, Scope } from '../../nn/index.ts'
import { NDArray } from '../../runtime/array.ts'
import { type Jit, jit } from '../../runtime/jit.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { LoadedModel } from '../load.ts'
import type { Reference } from './fixture.ts'
import { row } from './runner.ts'

/** What an encoder is given. */
type EncoderTokens<Value> = Readonly<Record<'ids' | 'positions' | 'segments' | 'types', Value>>

interface Outputs {
  readonly hidden: Tensor
  /** The mean of the hidden states, of length 1. */
  readonly embedding: Tensor
  readonly logits: Tensor | undefined
}

/** Runs an encoder on whole rows. */
export class EncoderRunner {
  private readonly step: Jit<EncoderTokens<Tensor>, Outputs>

  constructor({ model, variables }: LoadedModel, kernels: boolean) {
    this.step = jit(
      (inputs: EncoderTokens<Tensor>): Outputs => {
        const scope = new Scope()
        const { hidden } = model.forward(scope, inputs)
        const embedding = normalise(meanPool(hidden, inputs.segments))
        return { hidden, embedding, logits: model.hasHead ? logitsOf(model.head(scope, hidden)) : undefined }
      },
      { variables, kernels },
    )
  }

  async run(tokens: EncoderTokens<NDArray>) {
    const found = await this.step.run(tokens)
    return {
      hidden: found.hidden.data as Float32Array,
      embedding: found.embedding.data as Float32Array,
      logits: found.logits?.data as Float32Array | undefined,
    }
  }

  [Symbol.dispose](): void {
    this.step.dispose()
  }
}

/** The inputs of an encoder's fixture: side by side with padding at the end, and each row by itself without. */
export async function encoderInputsOf(reference: Reference) {
  const ids = await reference.integers('input_ids')
  const mask = await reference.integers('attention_mask')
  const [count, width] = ids.shape as [number, number]
  const integers = (values: ArrayLike<bigint>) => NDArray.from(values, ids.shape, 'i64')
  const tokens = {
    ids,
    positions: integers(Array.from({ length: count * width }, (_, place) => BigInt(place % width))),
    segments: integers(mask.data.map((real) => real - 1n)),
    types: reference.names.includes('token_type_ids')
      ? await reference.integers('token_type_ids')
      : NDArray.zeros(ids.shape, 'i64'),
  }
  const lengths = Array.from({ length: count }, (_, at) =>
    Number(mask.data.subarray(at * width, (at + 1) * width).reduce((sum, real) => sum + real, 0n)),
  )
  const rows = lengths.map((length, at) => ({
    ids: row(tokens.ids, at, length),
    positions: row(tokens.positions, at, length),
    segments: row(tokens.segments, at, length),
    types: row(tokens.types, at, length),
  }))
  const places = [...mask.data.keys()].filter((place) => mask.data[place] === 1n)
  return { tokens, rows, places }
}
