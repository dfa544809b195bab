import { useEffect } from 'preact/hooks'
import { copyText } from '../parts/copy-button.tsx'
import { onShortcut } from '../shortcuts.ts'
import { settingsOpen } from '../state/preferences.ts'
import { go } from '../state/route.ts'
import { focusComposer } from './composer.tsx'
import { listOpen, searchField } from './conversation-list.tsx'
import { conversations } from './conversations.ts'
import * as store from './store.ts'
import { siblingsOf } from './tree.ts'

const lastAnswer = () => store.path.value.findLast(({ role }) => role === 'assistant')

/** Goes to the conversation after (+1) or before (−1) the open one in the list. */
function stepConversation(step: -1 | 1): void {
  const list = conversations.value ?? []
  const place = list.findIndex(({ id }) => id === store.currentId.value)
  const target = list[place < 0 ? 0 : place + step]
  if (target) go({ page: 'chat', id: target.id })
}

function stepBranch(step: -1 | 1): void {
  const turn = store.path.value.findLast((message) => siblingsOf(store.messages.value, message).length > 1)
  if (turn) store.stepBranch(turn, step)
}

function toggleThinking(): void {
  const answer = lastAnswer()
  if (!answer) return
  const open = store.unfolded.value.get(answer.id) ?? store.replies.value.get(answer.id)?.state.value === 'thinking'
  store.unfolded.value = new Map(store.unfolded.value).set(answer.id, !open)
}

function toggleColours(): void {
  const answer = lastAnswer()
  if (!answer) return
  store.coloured.value = store.changed(store.coloured.value, answer.id, !store.coloured.value.has(answer.id))
}

/** Escape closes what lies over the page, or else stops the answer. */
function closeOrStop(): void {
  if (listOpen.value) listOpen.value = false
  else if (store.editing.value) store.editing.value = undefined
  else if (store.busy.value) store.stop()
  else if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
}

/** The keys of the chat, while it is shown. */
export function useChatShortcuts(): void {
  useEffect(() => {
    const ends = [
      onShortcut('escape', closeOrStop),
      onShortcut('/', focusComposer),
      onShortcut('n', () => {
        go({ page: 'chat' })
        focusComposer()
      }),
      onShortcut('ctrl+k', () => {
        listOpen.value = matchMedia('(max-width: 860px)').matches
        searchField.current?.focus()
      }),
      onShortcut('j', () => stepConversation(1)),
      onShortcut('k', () => stepConversation(-1)),
      onShortcut('[', () => stepBranch(-1)),
      onShortcut(']', () => stepBranch(1)),
      onShortcut('t', toggleThinking),
      onShortcut('p', toggleColours),
      onShortcut('m', () => (settingsOpen.value = !settingsOpen.value)),
      onShortcut('r', () => {
        const answer = lastAnswer()
        if (answer && !store.busy.value) void store.regenerate(answer)
      }),
      onShortcut('c', () => {
        const answer = lastAnswer()
        if (answer) void copyText(answer.content)
      }),
    ]
    return () => {
      for (const end of ends) end()
    }
  }, [])
}
