import { useEffect, useId, useState } from 'preact/hooks'
import type { Message } from '../api/types.ts'
import { duration } from '../language/format.ts'
import { texts } from '../language/index.ts'
import { Icon } from '../parts/icons.tsx'
import { PlainText } from './plain-text.tsx'
import type { LiveReply } from './reply.ts'
import { unfolded } from './store.ts'
import { TokenText } from './token-text.tsx'

interface ThinkingProps {
  message: Message
  reply: LiveReply | undefined
  text: string
  coloured: boolean
}

/** What the model thought: open while it thinks, folded once it answers, as the reader likes afterwards. */
export function Thinking({ message, reply, text, coloured }: ThinkingProps) {
  const id = useId()
  const words = texts.value
  if (!text) return null
  const live = reply?.state.value === 'thinking'
  const open = unfolded.value.get(message.id) ?? live
  const milliseconds = reply ? reply.thought.value : message.reasoningMilliseconds
  const label = live
    ? words.thinking
    : milliseconds != null
      ? words.thoughtFor(duration(milliseconds))
      : message.usage?.reasoningTokens
        ? words.thoughtTokens(message.usage.reasoningTokens)
        : words.thought
  return (
    <section class={`thinking${live ? ' live' : ''}`}>
      <button
        type="button"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => {
          unfolded.value = new Map(unfolded.value).set(message.id, !open)
        }}
      >
        <Icon name={open ? 'down' : 'right'} />
        <span>{label}</span>
        {live && <Clock />}
      </button>
      <div id={id} class="thinking-text" hidden={!open}>
        {open &&
          (coloured && message.tokens?.reasoning?.length ? (
            <TokenText text={text} tokens={message.tokens.reasoning} />
          ) : (
            // A thought is no Markdown: `16*10` has no emphasis, and its lines are its steps.
            <PlainText text={text.trim()} />
          ))}
      </div>
    </section>
  )
}

/** Seconds since it came up. */
function Clock() {
  const [since] = useState(() => performance.now())
  const [now, setNow] = useState(since)
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 500)
    return () => clearInterval(timer)
  }, [])
  return <span class="clock">{Math.floor((now - since) / 1000)} s</span>
}
