import { useSignalEffect } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { texts } from '../language/index.ts'
import { Failure } from '../parts/failure.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { settingsOpen } from '../state/preferences.ts'
import { go } from '../state/route.ts'
import { useChatShortcuts } from './chat-shortcuts.ts'
import { Composer, focusComposer } from './composer.tsx'
import { ConversationList, listOpen } from './conversation-list.tsx'
import { Greeting } from './greeting.tsx'
import { SettingsPanel } from './settings-panel.tsx'
import { completed, currentId, openConversation, openError, opening, path, title } from './store.ts'
import { Thread } from './thread.tsx'

export function ChatPage() {
  const words = texts.value
  useChatShortcuts()
  useSignalEffect(() => {
    document.title = title.value ? `${title.value} · deepseek-r1` : 'deepseek-r1'
  })
  // On a phone the keyboard would cover half of the page that has just come up.
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) focusComposer()
  }, [])
  const id = currentId.value
  return (
    <div class={`chat${settingsOpen.value ? ' with-panel' : ''}`}>
      <ConversationList />
      <main id="content" class="conversation">
        <header class="conversation-head">
          <IconButton
            icon="list"
            label={words.showConversations}
            class="only-narrow"
            onClick={() => {
              listOpen.value = true
            }}
          />
          <h1>{id ? title.value || words.untitled : words.newChat}</h1>
          <IconButton
            icon="plus"
            label={words.newChat}
            class="only-narrow"
            onClick={() => {
              go({ page: 'chat' })
              focusComposer()
            }}
          />
          <IconButton
            icon="panel"
            label={words.panel}
            pressed={settingsOpen.value}
            onClick={() => {
              settingsOpen.value = !settingsOpen.value
            }}
          />
        </header>
        {openError.value && id ? (
          <div class="thread">
            {openError.value.status === 404 ? (
              <Failure problem={openError.value} onRetry={() => go({ page: 'chat' })} retryLabel={words.newChat} />
            ) : (
              <Failure problem={openError.value} onRetry={() => void openConversation(id)} />
            )}
          </div>
        ) : opening.value ? (
          <div class="thread" aria-busy="true" />
        ) : path.value.length === 0 ? (
          <Greeting />
        ) : (
          <Thread key={id} />
        )}
        <Composer />
      </main>
      <SettingsPanel />
      <p class="out-of-sight" role="status" key={completed.value}>
        {completed.value > 0 && words.finished}
      </p>
    </div>
  )
}
