import { useSignal } from '@preact/signals'
import { apiKey, request } from './api/client.ts'
import { loadConversations } from './chat/conversations.ts'
import { newChat } from './chat/store.ts'
import { forgetAllUnsent } from './chat/unsent.ts'
import { texts } from './language/index.ts'
import { Choice } from './parts/choice.tsx'
import { Dialog, Question } from './parts/dialog.tsx'
import { tell } from './state/notice.ts'
import { languageChoice, theme } from './state/preferences.ts'
import { go } from './state/route.ts'
import { loadSession, session } from './state/session.ts'

export function SettingsDialog({ onClose }: { onClose: () => void }) {
  const words = texts.value
  const asking = useSignal(false)
  if (asking.value) {
    return (
      <Question
        question={words.deleteDataQuestion}
        explained={words.deleteDataExplained}
        action={words.deleteData}
        onYes={() => void deleteData()}
        onClose={onClose}
      />
    )
  }
  return (
    <Dialog title={words.settings} onClose={onClose}>
      <Choice
        label={words.theme}
        value={theme.value}
        options={[
          ['system', words.themes.system],
          ['light', words.themes.light],
          ['dark', words.themes.dark],
        ]}
        onChange={(value) => {
          theme.value = value
        }}
      />
      <Choice
        label={words.language}
        value={languageChoice.value}
        options={[
          ['system', words.themes.system],
          ['en', 'English'],
          ['zh', '中文'],
        ]}
        onChange={(value) => {
          languageChoice.value = value
        }}
      />
      <section class="setting">
        <h3>{words.yourData}</h3>
        <p class="hint">{words.yourDataExplained}</p>
        <div class="buttons">
          <button type="button" class="button" onClick={() => void exportData()}>
            {words.exportData}
          </button>
          <button type="button" class="button danger" onClick={() => (asking.value = true)}>
            {words.deleteData}
          </button>
        </div>
      </section>
      {apiKey.get() && (
        <button
          type="button"
          class="button"
          onClick={() => {
            apiKey.set(undefined)
            onClose()
            void loadSession()
          }}
        >
          {words.forgetKey}
        </button>
      )}
      <p class="hint">deepseek-r1 {session.value?.version}</p>
    </Dialog>
  )
}

/** Saves all that the server keeps of this user as a file. */
async function exportData(): Promise<void> {
  let data: unknown
  try {
    data = await request<unknown>('export')
  } catch (error) {
    return tell(texts.value.notExported, error)
  }
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }))
  link.download = 'deepseek-r1.json'
  link.click()
  URL.revokeObjectURL(link.href)
}

async function deleteData(): Promise<void> {
  try {
    await request('data', { method: 'DELETE' })
  } catch (error) {
    return tell(texts.value.notDeleted, error)
  }
  forgetAllUnsent()
  newChat()
  go({ page: 'chat' }, { replace: true })
  await loadConversations()
}
