import { drawToken, type Tensor } from '../../index.ts'
import { floats, given, type OperatorCase } from '../case.ts'
import { type Plain, reduce, total } from '../plain.ts'

const places = (logits: readonly number[]): number[] =>
  logits.map((_, place) => place).sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b)

/** The token at the share `uniform` of those that temperature, top-k, top-p and min-p leave. */
function drawnOf(logits: readonly number[], [temperature, most, topP, minP, uniform]: Settings): number {
  const order = places(logits)
  if (temperature === 0) return order[0] as number
  const weightOf = (place: number) => Math.exp(((logits[place] as number) - Math.max(...logits)) / temperature)
  let kept = order.slice(0, most || undefined)
  const mass = total(kept.map(weightOf))
  kept = kept.filter((_, at) => topP === 1 || total(kept.slice(0, at).map(weightOf)) < topP * mass)
  kept = kept.filter((place) => weightOf(place) >= minP)
  const wanted = uniform * total(kept.map(weightOf))
  return kept.find((_, at) => total(kept.slice(0, at + 1).map(weightOf)) > wanted) as number
}

type Settings = readonly [temperature: number, topK: number, topP: number, minP: number, uniform: number]
const ways: Readonly<Record<string, readonly Settings[]>> = {
  'the most likely': [[0, 0, 1, 0, 0.9]],
  'of all': [0.05, 0.4, 0.8, 0.999].map((uniform) => [0.7, 0, 1, 0, uniform]),
  'top-k': [0.3, 0.99].map((uniform) => [1, 3, 1, 0, uniform]),
  'top-p': [0.3, 0.99].map((uniform) => [1.5, 0, 0.6, 0, uniform]),
  'min-p': [0.3, 0.99].map((uniform) => [1, 0, 1, 0.4, uniform]),
  'all of them': [0.1, 0.5, 0.99].map((uniform) => [2, 5, 0.9, 0.2, uniform]),
}
/** Tokens drawn of rows of logits. */
export const drawCases = Object.entries(ways).flatMap(([name, settings]) =>
  settings.map(
    (of): OperatorCase => ({
      operator: 'drawToken',
      name: `${name}, ${of[4]}`,
      inputs: { logits: floats('batch', 7), settings: given(of, 'batch', 5) },
      build({ logits, settings }) {
        const { tokens, values } = drawToken(logits as Tensor, settings as Tensor)
        return [tokens, values]
      },
      reference({ logits }) {
        const drawn = (x: Plain) => reduce(x, 1, (row) => drawnOf(row, of))
        return [drawn(logits as Plain), reduce(logits as Plain, 1, (row) => row[drawnOf(row, of)] as number)]
      },
      gradient: 'none',
    }),
  ),
)
