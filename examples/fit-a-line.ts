// Fits y = 2x + 1 by gradient descent: the graph language in one file. Run it with `npx tsx examples/fit-a-line.ts`.
import { jit, NDArray } from 'deepseek-r1/runtime'
import { add, assign, gradients, mean, multiply, square, subtract, type Tensor, variable } from 'deepseek-r1/tensor'

const step = jit(({ x, y }: { x: Tensor; y: Tensor }) => {
  const slope = variable('slope', { dtype: 'f32', shape: [] })
  const offset = variable('offset', { dtype: 'f32', shape: [] })
  const loss = mean(square(subtract(add(multiply(x, slope), offset), y)))
  const [bySlope, byOffset] = gradients(loss, [slope, offset]) as [Tensor, Tensor]
  assign(slope, subtract(slope, multiply(bySlope, 0.3)))
  assign(offset, subtract(offset, multiply(byOffset, 0.3)))
  return { loss }
})

const x = NDArray.from([-1, -0.5, 0, 0.5, 1])
const y = NDArray.from([-1, 0, 1, 2, 3])
for (let index = 0; index < 100; index++) await step.run({ x, y })

const [slope, offset] = ['slope', 'offset'].map((name) => step.variables.get(name)?.toNumbers()[0]?.toFixed(3))
console.log(`y = ${slope} x + ${offset}`)
