import { afterEach, describe, expect, it, vi } from 'vitest'
import { R1Error } from '../errors.ts'
import { reportFailure } from './report-failure.ts'

function report(error: unknown, json: boolean): { stdout: string; stderr: string } {
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  reportFailure(error, json)
  return { stdout: stdout.mock.calls.join(''), stderr: stderr.mock.calls.join('') }
}

afterEach(() => {
  vi.restoreAllMocks()
})

const failure = new R1Error('no-such-file', 'There is no recipe.yaml here.', { remedy: 'Name the file of the recipe.' })

describe('reportFailure', () => {
  it('says one sentence and the remedy, without a stack', () => {
    const { stdout, stderr } = report(failure, false)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/error:.* There is no recipe\.yaml here\. Name the file of the recipe\.\n$/)
  })

  it('gives programs the code', () => {
    const { stdout, stderr } = report(failure, true)
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'no-such-file', message: failure.message } })
    expect(stderr).toBe('')
  })

  it('says that any other error was not expected, and how to see more', () => {
    expect(report(new TypeError('x is not a function'), false).stderr).toContain('unexpected: x is not a function')
    expect(report('just text', true).stdout).toContain('unexpected: just text')
  })
})
