import {
  adamW,
  add,
  attention,
  type CodeFormat,
  drawToken,
  expertDispatch,
  fill,
  geglu,
  gelu,
  gradients,
  groupedMatmul,
  groupedMatmulQuantised,
  layerNorm,
  linearCrossEntropy,
  logitSummary,
  matmul,
  matmulCoded,
  matmulLora,
  matmulQuantised,
  multiply,
  placeBlock,
  rmsNorm,
  rope,
  scatterAddRows,
  sgd,
  sum,
  swiglu,
  type Tensor,
} from '../../tensor/index.ts'
import { randomWord, streamKey } from '../../tensor/random.ts'
import {
  between,
  type CaseInput,
  type CaseTensors,
  fixed,
  floats,
  indices,
  integers,
  type OperatorCase,
} from '../../tensor/testing/case.ts'
import { buildCached, cachedInputs } from '../../tensor/testing/cases/cache.ts'
import { codes } from '../../tensor/testing/cases/coded.ts'
import { buildLatent, latentInputs } from '../../tensor/testing/cases/latent.ts'
import { exactInInt8, packedStack, packedWeights } from '../../tensor/testing/cases/quantised.ts'

/** Whole numbers of one case, from its seed alone. */
class Draw {
  private readonly key: number
  private next = 0

  constructor(seed: number, operator: string) {
    this.key = streamKey(seed, `kernel cases of ${operator}`)
  }

  /** Between both, included. */
  whole(from: number, to: number): number {
    return from + (randomWord(this.key, this.next++) % (to - from + 1))
  }

  /** Mostly small, at times large: edges of blocks and of micro-tiles. */
  extent(largest: number): number {
    return this.whole(0, 3) === 0 ? this.whole(1, largest) : this.whole(1, Math.min(largest, 40))
  }

  chance(oneIn: number): boolean {
    return this.whole(1, oneIn) === 1
  }
}

/** Rows of some experts, a few of which have none, and where each one's begin. */
function drawOffsets(
  draw: Draw,
  most: number,
): { readonly loads: readonly number[]; readonly offsets: readonly number[] } {
  const loads = Array.from({ length: draw.whole(1, 12) }, (_, expert) =>
    expert > 0 && draw.chance(4) ? 0 : draw.extent(most),
  )
  const offsets = [0]
  for (const load of loads) offsets.push((offsets.at(-1) as number) + load)
  return { loads, offsets }
}

/** A random call of an operator, without the case's name. */
interface Call {
  readonly inputs: Readonly<Record<string, CaseInput>>
  readonly build: (inputs: CaseTensors) => readonly Tensor[]
}

/** The outputs, and the gradients of Σ output · weight: weights stand beside the inputs as `weight 0`, `weight 1` … */
function withGradients(outputs: readonly Tensor[], inputs: CaseTensors, wrt: readonly string[]): readonly Tensor[] {
  const loss = outputs.map((output, at) => sum(multiply(output, inputs[`weight ${at}`] as Tensor))).reduce(add)
  return [
    ...outputs,
    ...gradients(
      loss,
      wrt.map((name) => inputs[name] as Tensor),
    ),
  ]
}

const get = (inputs: CaseTensors, ...names: string[]) => names.map((name) => inputs[name] as Tensor)

/** A product with a matrix stored as codes, and its gradient. */
function codedCall(draw: Draw, format: CodeFormat): Call {
  const [rows, n, k] = [draw.extent(200), draw.extent(200), 2 * draw.extent(150)]
  const block = draw.chance(2) ? k : 2 * draw.whole(1, 40)
  const added: Record<string, CaseInput> = draw.chance(2) ? { added: floats(rows, n) } : {}
  return {
    inputs: {
      a: floats(rows, k),
      codes: codes(format, n, k),
      scales: fixed(floats(Math.ceil((n * k) / block))),
      ...added,
      'weight 0': floats(rows, n),
    },
    build(inputs) {
      const [a, stored, scales] = get(inputs, 'a', 'codes', 'scales') as [Tensor, Tensor, Tensor]
      const y = matmulCoded(a, { format, codes: stored, scales, block }, inputs.added ? { added: inputs.added } : {})
      return withGradients([y], inputs, ['a', ...Object.keys(added)])
    },
  }
}

const generators: Readonly<Record<string, (draw: Draw) => Call>> = {
  matmul(draw) {
    const [m, n, k] = [draw.extent(200), draw.extent(200), draw.extent(400)]
    const [transposeA, transposeB, batches] = [draw.chance(2), draw.chance(2), draw.chance(3) ? [draw.whole(1, 4)] : []]
    const shared = draw.chance(2) ? [] : batches
    const a = floats(...batches, ...(transposeA ? [k, m] : [m, k]))
    const b = floats(...shared, ...(transposeB ? [n, k] : [k, n]))
    const added: Record<string, CaseInput> = draw.chance(3) ? { added: floats(...batches, m, n) } : {}
    return {
      inputs: { a, b, ...added, 'weight 0': floats(...batches, m, n) },
      build(inputs) {
        const [left, right] = get(inputs, 'a', 'b') as [Tensor, Tensor]
        const product = matmul(left, right, { transposeA, transposeB, alpha: 0.5 })
        const y = inputs.added ? add(inputs.added, product) : product
        return withGradients([y], inputs, ['a', 'b', ...Object.keys(added)])
      },
    }
  },
  /** What `mergeProducts` merges: products of one x, and the sum of their gradients by it. */
  matmulMany(draw) {
    const [batch, time, k] = [draw.whole(1, 3), draw.extent(90), draw.extent(400)]
    const names = Array.from({ length: draw.whole(2, 9) }, (_, at) => `w${at}`)
    const widths = names.map(() => draw.extent(200))
    const transposeB = draw.chance(2)
    const matrices = names.flatMap((name, at): [string, CaseInput][] => {
      const n = widths[at] as number
      return [
        [name, transposeB ? floats(n, k) : floats(k, n)],
        [`weight ${at}`, floats(batch, time, n)],
      ]
    })
    return {
      inputs: { x: floats(batch, time, k), ...Object.fromEntries(matrices) },
      build(inputs) {
        const outputs = get(inputs, ...names).map((w) => matmul(inputs.x as Tensor, w, { transposeB }))
        return withGradients(outputs, inputs, ['x', ...names])
      },
    }
  },
  matmulLora(draw) {
    const [batch, time, k] = [draw.whole(1, 3), draw.extent(90), draw.extent(400)]
    const names = ['', ' 2', ' 3', ' 4'].slice(0, draw.whole(1, 4))
    const widths = names.map(() => draw.extent(200))
    const ranks = names.map(() => draw.whole(1, 20))
    const scale = draw.chance(2) ? 1 : 0.5
    const matrices = names.flatMap((name, at): [string, CaseInput][] => {
      const [n, r] = [widths[at] as number, ranks[at] as number]
      return [
        [`w${name}`, fixed(floats(n, k))],
        [`down${name}`, floats(r, k)],
        [`up${name}`, floats(n, r)],
        [`weight ${at}`, floats(batch, time, n)],
      ]
    })
    return {
      inputs: { x: floats(batch, time, k), ...Object.fromEntries(matrices) },
      build(inputs) {
        const x = inputs.x as Tensor
        const outputs = names.map((name) => {
          const [w, down, up] = get(inputs, `w${name}`, `down${name}`, `up${name}`) as [Tensor, Tensor, Tensor]
          return matmulLora(x, w, { down, up, scale })
        })
        return withGradients(outputs, inputs, ['x', ...names.flatMap((name) => [`down${name}`, `up${name}`])])
      },
    }
  },
  groupedMatmul(draw) {
    const { offsets, loads } = drawOffsets(draw, 100)
    const [rows, k, n, transposeB] = [offsets.at(-1) as number, draw.extent(150), draw.extent(150), draw.chance(2)]
    const names = loads.map((_, expert) => `w${expert}`)
    const weight = transposeB ? floats(n, k) : floats(k, n)
    return {
      inputs: {
        a: floats(rows, k),
        offsets: integers(offsets, offsets.length),
        ...Object.fromEntries(names.map((name) => [name, weight])),
        'weight 0': floats(rows, n),
      },
      build(inputs) {
        const [a, borders] = get(inputs, 'a', 'offsets') as [Tensor, Tensor]
        const y = groupedMatmul(a, get(inputs, ...names), borders, { transposeB })
        return withGradients([y], inputs, ['a', ...names])
      },
    }
  },
  matmulNF4: (draw) => codedCall(draw, 'nf4'),
  matmulInt8: (draw) => codedCall(draw, 'int8'),
  matmulQuantised(draw) {
    const [rows, k] = [draw.extent(60), 32 * draw.whole(1, 12)]
    const names = ['w', 'w 2', 'w 3'].slice(0, draw.whole(1, 3))
    const widths = names.map(() => draw.extent(120))
    const biased = draw.chance(2)
    const added: Record<string, CaseInput> =
      names.length === 1 && draw.chance(2) ? { added: floats(rows, widths[0] as number) } : {}
    const parts = names.flatMap((name, at): [string, CaseInput][] => {
      const width = widths[at] as number
      const weight: [string, CaseInput][] = [
        [name, packedWeights(width, k)],
        [`weight ${at}`, floats(rows, width)],
      ]
      return biased ? [...weight, [`bias ${name}`, floats(width)]] : weight
    })
    return {
      inputs: { x: exactInInt8(rows, k), ...added, ...Object.fromEntries(parts) },
      build(inputs) {
        const weights = names.map((name, at) => ({
          packed: inputs[name] as Tensor,
          type: 'Q4_1' as const,
          rows: widths[at] as number,
          bias: inputs[`bias ${name}`],
        }))
        return withGradients(matmulQuantised(inputs.x as Tensor, weights, { added: inputs.added }), inputs, ['x'])
      },
    }
  },
  groupedMatmulQuantised(draw) {
    const { loads, offsets } = drawOffsets(draw, 30)
    const [rows, k] = [offsets.at(-1) as number, 32 * draw.whole(1, 6)]
    const gated = draw.chance(2)
    const width = draw.extent(80)
    const names = ['w', 'w 2'].slice(0, gated ? 2 : draw.whole(1, 2))
    const widths = names.map(() => (gated ? width : draw.extent(80)))
    return {
      inputs: {
        a: exactInInt8(rows, k),
        offsets: integers(offsets, offsets.length),
        ...Object.fromEntries(
          names.flatMap((name, at): [string, CaseInput][] => [
            [name, packedStack(loads.length, widths[at] as number, k)],
            [`weight ${at}`, floats(rows, widths[at] as number)],
          ]),
        ),
      },
      build(inputs) {
        const [a, borders] = get(inputs, 'a', 'offsets') as [Tensor, Tensor]
        const stacks = names.map((name, at) => ({
          packed: inputs[name] as Tensor,
          type: 'Q4_1' as const,
          rows: widths[at] as number,
        }))
        const y = groupedMatmulQuantised(a, stacks, borders, { activation: gated ? 'silu' : 'none' })
        return withGradients(y, inputs, ['a'])
      },
    }
  },
  rmsNorm(draw) {
    const shape = [draw.extent(60), draw.extent(700)] as const
    const beside = draw.chance(2)
    return {
      inputs: { x: floats(...shape), w: floats(shape[1]), 'weight 0': floats(...shape) },
      build(inputs) {
        const [x, w] = get(inputs, 'x', 'w') as [Tensor, Tensor]
        const y = rmsNorm(x, w)
        return withGradients([beside ? add(y, x) : y], inputs, ['x', 'w'])
      },
    }
  },
  layerNorm(draw) {
    const shape = [draw.extent(60), draw.whole(2, 500)] as const
    return {
      inputs: { x: floats(...shape), w: floats(shape[1]), b: floats(shape[1]), 'weight 0': floats(...shape) },
      build(inputs) {
        const [x, w, b] = get(inputs, 'x', 'w', 'b') as [Tensor, Tensor, Tensor]
        return withGradients([layerNorm(x, w, b)], inputs, ['x', 'w', 'b'])
      },
    }
  },
  swiglu(draw) {
    const shape = [draw.extent(60), draw.extent(700)] as const
    return {
      inputs: { gate: between(-8, 8, ...shape), up: floats(...shape), 'weight 0': floats(...shape) },
      build: (inputs) =>
        withGradients([swiglu(...(get(inputs, 'gate', 'up') as [Tensor, Tensor]))], inputs, ['gate', 'up']),
    }
  },
  gelu(draw) {
    const shape = [draw.extent(60), draw.extent(700)] as const
    return {
      inputs: { x: between(-6, 6, ...shape), 'weight 0': floats(...shape) },
      build: (inputs) => withGradients([gelu(inputs.x as Tensor, 'tanh')], inputs, ['x']),
    }
  },
  geglu(draw) {
    const shape = [draw.extent(60), draw.extent(700)] as const
    return {
      inputs: { gate: between(-6, 6, ...shape), up: floats(...shape), 'weight 0': floats(...shape) },
      build(inputs) {
        const [gate, up] = get(inputs, 'gate', 'up') as [Tensor, Tensor]
        return withGradients([geglu(gate, up, 'tanh')], inputs, ['gate', 'up'])
      },
    }
  },
  rope(draw) {
    const [batch, time, heads, half, places] = [
      draw.whole(1, 3),
      draw.extent(40),
      draw.whole(1, 5),
      draw.whole(1, 40),
      64,
    ]
    const width = 2 * half + (draw.chance(3) ? draw.whole(1, 9) : 0)
    const shape = [batch, time, heads, width]
    const interleaved = draw.chance(2)
    return {
      inputs: {
        x: floats(...shape),
        cos: fixed(floats(places, half)),
        sin: fixed(floats(places, half)),
        at: indices(places, batch, time),
        'weight 0': floats(...shape),
      },
      build(inputs) {
        const [x, cos, sin, at] = get(inputs, 'x', 'cos', 'sin', 'at') as [Tensor, Tensor, Tensor, Tensor]
        return withGradients([rope(x, cos, sin, at, { interleaved })], inputs, ['x'])
      },
    }
  },
  attention(draw) {
    const [batch, keyHeads, group, width] = [draw.whole(1, 2), draw.whole(1, 3), draw.whole(1, 3), draw.whole(1, 80)]
    const keys = draw.extent(330)
    const segmented = draw.chance(3)
    const queries = segmented || draw.chance(2) ? keys : draw.whole(1, keys)
    const causal = !draw.chance(3)
    const window = draw.chance(3) && queries === keys ? draw.whole(1, keys) : 0
    const q = [batch, queries, keyHeads * group, width]
    const k = [batch, keys, keyHeads, width]
    return {
      inputs: {
        q: floats(...q),
        k: floats(...k),
        v: floats(...k),
        ...(segmented ? { segments: indices(3, batch, keys) } : {}),
        'weight 0': floats(...q),
      },
      build(inputs) {
        const [x, y, z] = get(inputs, 'q', 'k', 'v') as [Tensor, Tensor, Tensor]
        const options = { causal, ...(window ? { window } : {}), ...(segmented ? { segments: inputs.segments } : {}) }
        return withGradients([attention(x, y, z, options)], inputs, ['q', 'k', 'v'])
      },
    }
  },
  cachedAttention(draw) {
    const [rows, keyHeads, time] = [draw.whole(1, 3), draw.whole(1, 3), draw.chance(2) ? 1 : draw.whole(2, 20)]
    const places = placeBlock * draw.whole(2, 20)
    const width = draw.whole(1, 80)
    const options = {
      time,
      keyHeads,
      heads: keyHeads * draw.whole(1, 9),
      width,
      valueWidth: draw.chance(3) ? draw.whole(1, 80) : width,
      places,
      lengths: Array.from({ length: rows }, () => draw.whole(0, places - time)),
      window: draw.chance(3) ? draw.whole(1, places) : 0,
      softcap: draw.chance(3) ? draw.whole(1, 20) : 0,
      turned: draw.chance(4) ? 0 : 2 * draw.whole(0, Math.floor(width / 2)),
      ...(draw.chance(2) && { slots: Array.from({ length: rows }, (_, row) => rows - row) }),
    }
    return { inputs: cachedInputs(options, rows), build: (inputs) => buildCached(inputs, options) }
  },
  cachedLatentAttention(draw) {
    const [rows, time] = [draw.whole(1, 3), draw.chance(2) ? 1 : draw.whole(2, 20)]
    const [places, width] = [draw.whole(20, 320), draw.whole(1, 80)]
    const options = {
      time,
      heads: draw.whole(1, 20),
      width,
      valueWidth: draw.whole(1, width),
      places,
      lengths: Array.from({ length: rows }, () => draw.whole(0, places - time)),
      ...(draw.chance(2) && { slots: Array.from({ length: rows }, (_, row) => rows - row) }),
    }
    return { inputs: latentInputs(options, rows), build: (inputs) => buildLatent(inputs, options) }
  },
  expertDispatch(draw) {
    const [tokens, chosen, count] = [draw.extent(200), draw.whole(1, 8), draw.whole(1, 64)]
    return {
      inputs: { experts: indices(count, tokens, chosen) },
      build({ experts }) {
        const { order, places, offsets } = expertDispatch(experts as Tensor, count)
        return [order, places, offsets]
      },
    }
  },
  logitSummary(draw) {
    const vocabulary = draw.chance(4) ? draw.whole(8000, 20000) : draw.extent(500)
    const count = draw.whole(1, Math.min(vocabulary, 30))
    return {
      inputs: { logits: between(-9, 9, draw.whole(1, 4), vocabulary) },
      build(inputs) {
        const { values, tokens, logSumExp: normalizer } = logitSummary(inputs.logits as Tensor, count)
        return [values, tokens, normalizer]
      },
    }
  },
  drawToken(draw) {
    const vocabulary = draw.chance(4) ? draw.whole(8000, 20000) : draw.extent(500)
    const rows = draw.whole(1, 4)
    const of = [
      draw.chance(5) ? 0 : draw.whole(2, 30) / 10,
      draw.chance(2) ? 0 : draw.whole(1, 50),
      draw.chance(2) ? 1 : draw.whole(5, 99) / 100,
      draw.chance(2) ? 0 : draw.whole(1, 90) / 100,
    ]
    const settings: CaseInput = {
      ...floats(rows, of.length + 1),
      // The last number of each row is the random one.
      value: (uniform, place) => of[place % (of.length + 1)] ?? uniform,
    }
    return {
      inputs: { logits: between(-9, 9, rows, vocabulary), settings },
      build({ logits, settings }) {
        const { tokens, values } = drawToken(logits as Tensor, settings as Tensor)
        return [tokens, values]
      },
    }
  },
  linearCrossEntropy(draw) {
    const [tokens, width, vocabulary] = [draw.extent(150), draw.extent(100), draw.whole(2, 400)]
    const [temperature, entropies] = [draw.chance(2) ? 1 : 0.7, draw.chance(2)]
    return {
      inputs: {
        hidden: floats(tokens, width),
        head: floats(vocabulary, width),
        targets: indices(vocabulary, tokens),
        'weight 0': floats(tokens),
        'weight 1': floats(tokens),
      },
      build(inputs) {
        const [hidden, head, targets] = get(inputs, 'hidden', 'head', 'targets') as [Tensor, Tensor, Tensor]
        const { loss, entropy } = linearCrossEntropy(hidden, head, targets, { temperature })
        return withGradients(entropies ? [loss, entropy] : [loss], inputs, ['hidden', 'head'])
      },
    }
  },
  scatterAddRows(draw) {
    const [rows, width, count] = [draw.extent(100), draw.extent(100), draw.extent(300)]
    const empty = draw.chance(2)
    return {
      inputs: { base: floats(rows, width), at: indices(rows, count), values: floats(count, width) },
      build(inputs) {
        const [base, at, values] = get(inputs, 'base', 'at', 'values') as [Tensor, Tensor, Tensor]
        const sums = scatterAddRows(empty ? fill(base.shape, 0, base.dtype) : base, at, values)
        return [empty ? add(base, sums) : sums]
      },
    }
  },
  adamW(draw) {
    const shapes = Array.from({ length: draw.whole(1, 4) }, () => [draw.extent(60), draw.extent(60)])
    const parts = ['parameter', 'firstMoment', 'gradient'] as const
    const inputs = Object.fromEntries(
      shapes.flatMap((shape, at) => [
        ...parts.map((part) => [`${part} ${at}`, floats(...shape)]),
        [`secondMoment ${at}`, between(0, 2, ...shape)],
      ]),
    )
    const hyper = between(0.1, 0.9, 9)
    return {
      inputs: { hyper, ...inputs },
      build(tensors) {
        const slots = shapes.map((_, at) => ({
          parameter: tensors[`parameter ${at}`] as Tensor,
          firstMoment: tensors[`firstMoment ${at}`] as Tensor,
          secondMoment: tensors[`secondMoment ${at}`] as Tensor,
          gradient: tensors[`gradient ${at}`] as Tensor,
          decay: at % 2,
        }))
        const step = adamW(tensors.hyper as Tensor, slots)
        return [step.norm, ...step.slots.flatMap((slot) => [slot.parameter, slot.firstMoment, slot.secondMoment])]
      },
    }
  },
  sgd(draw) {
    const shape = [draw.extent(60), draw.extent(60)]
    const nesterov = draw.chance(2)
    return {
      inputs: { hyper: between(0.1, 0.9, 5), p: floats(...shape), v: floats(...shape), g: floats(...shape) },
      build(inputs) {
        const [parameter, velocity, gradient] = get(inputs, 'p', 'v', 'g') as [Tensor, Tensor, Tensor]
        const step = sgd(inputs.hyper as Tensor, [{ parameter, velocity, gradient }], { nesterov })
        return [step.norm, ...step.slots.flatMap((slot) => [slot.parameter, slot.velocity])]
      },
    }
  },
}

/** The operators that are tried, each with the kernels of its gradient. */
export const kernelOperators = Object.keys(generators)

/** Random case number `seed`: its shapes, options and values depend on the seed alone. */
export function kernelCase(seed: number): OperatorCase {
  const operator = kernelOperators[seed % kernelOperators.length] as string
  // Cases of one operator stay the same when others are added.
  const round = Math.floor(seed / kernelOperators.length)
  const { inputs, build } = (generators[operator] as (draw: Draw) => Call)(new Draw(round, operator))
  return { operator, name: `case ${round}`, inputs, build }
}
