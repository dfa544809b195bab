import { describe, expect, it } from 'vitest'
import { KlController } from './kl-controller.ts'

describe('KlController', () => {
  it('changes its weight by a fifth at the most, in the direction of the error', () => {
    const controller = new KlController(0.1, 0.05, 1000)
    controller.update(0.5, 500)
    expect(controller.weight).toBeCloseTo(0.1 * 1.1, 12)
    controller.update(0.05, 500)
    expect(controller.weight).toBeCloseTo(0.1 * 1.1, 12)
  })

  it('stays above zero however many completions a step has', () => {
    const controller = new KlController(0.1, 0.05, 25)
    controller.update(0, 100_000)
    expect(controller.weight).toBeCloseTo(0.08, 12)
  })
})
