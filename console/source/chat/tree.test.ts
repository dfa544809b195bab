import { describe, expect, it } from 'vitest'
import type { Message } from '../api/types.ts'
import { leafBelow, newestLeaf, pathTo, siblingsOf } from './tree.ts'

function message(id: string, parent: string | null, role: Message['role']): [string, Message] {
  return [id, { id, parent, role, content: id, createdAt: '2026-01-01T00:00:00Z' }]
}

/** A question with two answers, the first of which was asked about twice. */
const messages = new Map([
  message('q', null, 'user'),
  message('a1', 'q', 'assistant'),
  message('q2', 'a1', 'user'),
  message('a3', 'q2', 'assistant'),
  message('a2', 'q', 'assistant'),
  message('q2-edited', 'a1', 'user'),
])

describe('the tree of a conversation', () => {
  it('shows one path from the first message to the leaf', () => {
    expect(pathTo(messages, 'a3').map(({ id }) => id)).toEqual(['q', 'a1', 'q2', 'a3'])
    expect(pathTo(messages, 'a2').map(({ id }) => id)).toEqual(['q', 'a2'])
    expect(pathTo(messages, undefined)).toEqual([])
  })

  it('finds the other branches of a turn', () => {
    expect(siblingsOf(messages, messages.get('a1') as Message).map(({ id }) => id)).toEqual(['a1', 'a2'])
    expect(siblingsOf(messages, messages.get('q2') as Message).map(({ id }) => id)).toEqual(['q2', 'q2-edited'])
  })

  it('goes to the newest end of a branch', () => {
    expect(leafBelow(messages, 'a1')).toBe('q2-edited')
    expect(leafBelow(messages, 'q2')).toBe('a3')
    expect(newestLeaf(messages)).toBe('q2-edited')
  })

  it('ends with a server whose messages go in a circle', () => {
    const circle = new Map([message('a', 'b', 'user'), message('b', 'a', 'assistant')])
    expect(pathTo(circle, 'a')).toHaveLength(2)
  })
})
