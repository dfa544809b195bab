import { describe, expect, it } from 'vitest'
import { Guards } from './guards.ts'

const options = { window: 3, zeroVariance: 0.9, entropy: 0.1, passAtK: 0.1 }
const healthy = { zeroVariance: 0.4, entropy: 0.5, passAtK: 0.6, solved: 0.3, groups: 200 }

/** The verdicts on steps, one after the other. */
function verdicts(steps: readonly Partial<typeof healthy>[], guards = new Guards(options)) {
  return steps.map((step) => guards.observe({ ...healthy, ...step }))
}

describe('guards', () => {
  it('let a healthy run go on', () => {
    expect(verdicts(Array(20).fill({})).every((verdict) => verdict === undefined)).toBe(true)
  })

  it('stop what starts too weak or too easy, once the window is full', () => {
    const weak = verdicts(Array(3).fill({ zeroVariance: 1, solved: 0, passAtK: 0 }))
    expect(weak).toEqual([undefined, undefined, expect.stringContaining('the cold start is too weak')])
    expect(verdicts(Array(3).fill({ zeroVariance: 1, solved: 1 }))[2]).toContain('too easy')
    expect(verdicts([...Array(3).fill({}), ...Array(5).fill({ zeroVariance: 1 })]).every((one) => !one)).toBe(true)
  })

  it('stop a policy that became certain, or solves fewer questions even once', () => {
    expect(verdicts([...Array(3).fill({}), ...Array(3).fill({ entropy: 0.02 })]).at(-1)).toContain('entropy')
    const forgetful = verdicts([...Array(3).fill({}), ...Array(3).fill({ passAtK: 0.45 })])
    expect(forgetful.at(-1)).toContain('from 60 % to 45 %')
    expect(forgetful[3]).toBeUndefined()
    // Of so few groups it may be chance.
    const few = [...Array(3).fill({ groups: 16 }), ...Array(3).fill({ passAtK: 0.45, groups: 16 })]
    expect(verdicts(few).every((verdict) => verdict === undefined)).toBe(true)
  })

  it('remember after a stop what they saw before', () => {
    const first = new Guards(options)
    verdicts(Array(3).fill({}), first)
    const second = new Guards(options)
    second.restore(JSON.parse(JSON.stringify(first.state)))
    expect(verdicts(Array(3).fill({ entropy: 0.02 }), second).at(-1)).toContain('entropy')
  })
})
