import type { Message } from '../api/types.ts'
import { texts } from '../language/index.ts'
import { Markdown } from '../markdown/markdown.tsx'
import { CopyButton } from '../parts/copy-button.tsx'
import { Failure } from '../parts/failure.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { Icon } from '../parts/icons.tsx'
import { Branches } from './branches.tsx'
import { unkept } from './kept.ts'
import {
  besides,
  busy,
  changed,
  coloured,
  failures,
  regenerate,
  replies,
  retry,
  secondModel,
  showBranch,
} from './store.ts'
import { Thinking } from './thinking.tsx'
import { Scale, TokenText } from './token-text.tsx'

interface AnswerProps {
  message: Message
  /** All answers to the same question. */
  siblings: readonly Message[]
  /** Set where it stands beside another one. */
  column?: { chosen: boolean }
}

/** An answer, also while it is written. */
export function Answer({ message, siblings, column }: AnswerProps) {
  const words = texts.value
  const reply = replies.value.get(message.id)
  const content = reply ? reply.content.value : message.content
  const reasoning = reply ? reply.reasoning.value : (message.reasoning ?? '')
  const failure = failures.value.get(message.id)
  const notKept = unkept.value.has(message.id) && Boolean(content || reasoning)
  const withColours = !reply && coloured.value.has(message.id)
  return (
    <article class={`turn answer${column ? ' column' : ''}`} aria-label={words.answer} aria-busy={reply !== undefined}>
      {(column || siblings.length > 1 || secondModel.value) && <p class="answer-model">{message.model}</p>}
      <Thinking message={message} reply={reply} text={reasoning} coloured={withColours} />
      {reply?.state.value === 'waiting' && <p class="awaited">{words.waiting}</p>}
      {withColours && message.tokens?.text?.length ? (
        <TokenText text={message.content} tokens={message.tokens.text} />
      ) : (
        content && <Markdown text={content} />
      )}
      {withColours && (hasTokens(message) ? <Scale /> : <NoProbabilities message={message} />)}
      {failure !== undefined && (
        <Failure what={words.failedReply} problem={failure} onRetry={() => void retry(message)} />
      )}
      {!reply && failure === undefined && <Ending message={message} />}
      {notKept && <p class="ending">{words.notKept}</p>}
      {!reply && <Actions message={message} siblings={siblings} column={column} />}
    </article>
  )
}

/** How an answer ended, where it did not end by itself. */
function Ending({ message: { content, reasoning, finishReason } }: { message: Message }) {
  const words = texts.value
  if (finishReason === 'stopped') return <p class="ending">{words.stopped}</p>
  if (finishReason === 'length') return <p class="ending">{words.lengthReached}</p>
  if (finishReason === 'error') return <p class="ending">{words.failedReply}</p>
  if (!content && !reasoning) return <p class="ending">{words.emptyAnswer}</p>
  return null
}

const hasTokens = ({ tokens }: Message): boolean => Boolean(tokens?.text?.length || tokens?.reasoning?.length)

function NoProbabilities({ message }: { message: Message }) {
  const words = texts.value
  return (
    <p class="ending">
      {words.noProbabilities}{' '}
      <button
        type="button"
        class="link"
        disabled={busy.value}
        onClick={() => void regenerate(message, { probabilities: true })}
      >
        {words.answerWithProbabilities}
      </button>
    </p>
  )
}

function Actions({ message, siblings, column }: AnswerProps) {
  const words = texts.value
  const { id, parent } = message
  const isColoured = coloured.value.has(id)
  const isBeside = parent ? besides.value.has(parent) : false
  const tokens = message.usage?.completionTokens
  return (
    <div class="turn-actions">
      {!column && <Branches message={message} siblings={siblings} />}
      {column && (
        <button
          type="button"
          class={`button small${column.chosen ? ' chosen' : ''}`}
          aria-pressed={column.chosen}
          title={words.goOnWithThis}
          onClick={() => showBranch(id)}
        >
          {column.chosen && <Icon name="check" />}
          {column.chosen ? words.chosen : words.goOnWithThis}
        </button>
      )}
      <CopyButton text={() => message.content} />
      <IconButton
        icon="again"
        label={words.regenerate}
        disabled={busy.value}
        onClick={() => void regenerate(message)}
      />
      <IconButton
        icon="palette"
        label={words.probabilities}
        pressed={isColoured}
        onClick={() => {
          coloured.value = changed(coloured.value, id, !isColoured)
        }}
      />
      {siblings.length > 1 && parent && (
        <IconButton
          icon="columns"
          label={isBeside ? words.oneByOne : words.sideBySide}
          pressed={isBeside}
          onClick={() => {
            besides.value = changed(besides.value, parent, !isBeside)
          }}
        />
      )}
      {tokens != null && <span class="used">{words.tokensUsed(tokens)}</span>}
    </div>
  )
}
