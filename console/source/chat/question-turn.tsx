import { useEffect, useRef } from 'preact/hooks'
import type { Message } from '../api/types.ts'
import { texts } from '../language/index.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Failure } from '../parts/failure.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { Branches } from './branches.tsx'
import { fitHeight, focusComposer, isSend } from './composer.tsx'
import { busy, editing, editMessage, failures, leaf, messages, retry, sending } from './store.ts'
import { siblingsOf } from './tree.ts'
import { unsent } from './unsent.ts'

/** A message of the reader. */
export function QuestionTurn({ message }: { message: Message }) {
  const words = texts.value
  const failure = failures.value.get(message.id)
  // Also one of an earlier visit of this tab.
  const notSent = failure !== undefined || (unsent.value.has(message.id) && !sending.value)
  if (editing.value === message.id) return <Editor message={message} />
  return (
    <article class="turn question" aria-label={words.you}>
      <p class="question-text">{message.content}</p>
      {notSent && (
        <Failure what={words.notSent} {...(failure ? { problem: failure } : {})} onRetry={() => void retry(message)} />
      )}
      {!notSent && leaf.value === message.id && !busy.value && !sending.value && (
        <p class="unanswered">
          {words.unanswered}{' '}
          <button type="button" class="link" onClick={() => void retry(message)}>
            {words.ask}
          </button>
        </p>
      )}
      <div class="turn-actions">
        <Branches message={message} siblings={siblingsOf(messages.value, message)} />
        <CopyButton text={() => message.content} />
        <IconButton
          icon="pencil"
          label={words.edit}
          disabled={busy.value}
          onClick={() => {
            editing.value = message.id
          }}
        />
      </div>
    </article>
  )
}

function Editor({ message }: { message: Message }) {
  const words = texts.value
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    fitHeight(field.current)
    field.current?.focus()
    field.current?.setSelectionRange(message.content.length, message.content.length)
  }, [message.content])
  const close = () => {
    editing.value = undefined
    focusComposer()
  }
  const submit = () => {
    const text = field.current?.value.trim()
    close()
    if (text && text !== message.content) void editMessage(message, text)
  }
  return (
    <form
      class="turn question editor"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <textarea
        ref={field}
        aria-label={words.editMessage}
        defaultValue={message.content}
        onInput={(event) => fitHeight(event.currentTarget)}
        onKeyDown={(event) => {
          if (isSend(event)) {
            event.preventDefault()
            submit()
          } else if (event.key === 'Escape' && !event.isComposing) {
            event.preventDefault()
            close()
          }
        }}
      />
      <footer class="actions">
        <button type="button" class="button small" onClick={close}>
          {words.cancel}
        </button>
        <button type="submit" class="button small primary">
          {words.saveBranch}
        </button>
      </footer>
    </form>
  )
}
