import { describe, expect, it } from 'vitest'
import { problemOf, RequestError, refusalOf } from './problem.ts'

describe('problems', () => {
  it('say what the server said, its name for it, and when to come again', () => {
    const body = JSON.stringify({
      error: { message: 'Too much.', type: 'rate_limit_error', code: 'rate_limit_exceeded' },
    })
    const response = new Response(null, { status: 429, headers: { 'retry-after': '12' } })
    expect(refusalOf(response, body, 1000)).toEqual({
      message: 'Too much.',
      status: 429,
      code: 'rate_limit_exceeded',
      retryAt: 13_000,
    })
  })

  it('say at least the status, whatever a proxy answers', () => {
    const response = new Response(null, { status: 502, statusText: 'Bad Gateway' })
    for (const text of ['<html>', '', '{"error":"no"}', 'null']) {
      expect(refusalOf(response, text)).toEqual({ message: '502 Bad Gateway', status: 502 })
    }
  })

  it('are made of any error', () => {
    const problem = { message: '', status: 0 }
    expect(problemOf(new RequestError(problem))).toBe(problem)
    expect(problemOf(new TypeError('no')).message).toContain('no')
  })
})
