import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Message } from '../api/types.ts'
import { texts } from '../language/index.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { Answer } from './answer.tsx'
import { QuestionTurn } from './question-turn.tsx'
import { besides, messages, path } from './store.ts'
import { siblingsOf } from './tree.ts'

/** Distance from the end, in pixels, within which the page follows an answer that grows. */
const near = 48

/** What is shown of a conversation: one branch from the first message to its end. */
export function Thread() {
  const frame = useRef<HTMLDivElement>(null)
  const inner = useRef<HTMLDivElement>(null)
  const top = useRef(0)
  const follows = useSignal(true)
  const toEnd = () => {
    if (frame.current) frame.current.scrollTop = frame.current.scrollHeight
  }
  useEffect(() => {
    if (!inner.current) return
    const observer = new ResizeObserver(() => {
      if (follows.value) toEnd()
    })
    observer.observe(inner.current)
    return () => observer.disconnect()
  }, [follows])
  const last = path.value.at(-1)
  const question = last?.role === 'user' ? last.id : last?.parent
  // A new question is always brought into view.
  useEffect(() => {
    follows.value = true
    toEnd()
  }, [question])
  return (
    <div class="thread-frame">
      <section
        ref={frame}
        class="thread"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
        tabIndex={0}
        aria-label={texts.value.chat}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          // Only the reader scrolls up; an answer that grows merely leaves the end behind for a moment.
          const goesUp = scrollTop < top.current
          top.current = scrollTop
          if (scrollHeight - scrollTop - clientHeight < near) follows.value = true
          else if (goesUp) follows.value = false
        }}
      >
        <div ref={inner} class="turns">
          {path.value.map((message) => (
            <Turn key={message.role === 'user' ? message.id : `answers ${message.parent}`} message={message} />
          ))}
        </div>
      </section>
      {!follows.value && (
        <div class="to-latest">
          <IconButton
            icon="toBottom"
            label={texts.value.toLatest}
            onClick={() => {
              follows.value = true
              toEnd()
            }}
          />
        </div>
      )}
    </div>
  )
}

function Turn({ message }: { message: Message }) {
  if (message.role === 'user') return <QuestionTurn key={message.id} message={message} />
  const siblings = siblingsOf(messages.value, message)
  if (siblings.length > 1 && message.parent && besides.value.has(message.parent)) {
    return (
      <div class="columns">
        {siblings.map((sibling) => (
          <Answer
            key={sibling.id}
            message={sibling}
            siblings={siblings}
            column={{ chosen: sibling.id === message.id }}
          />
        ))}
      </div>
    )
  }
  return <Answer key={message.id} message={message} siblings={siblings} />
}
