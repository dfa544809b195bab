import { useSignal } from '@preact/signals'
import { pathOf, request } from '../api/client.ts'
import { type Problem, problemOf } from '../api/problem.ts'
import type { ApiKey } from '../api/types.ts'
import { moment } from '../language/format.ts'
import { texts } from '../language/index.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Question } from '../parts/dialog.tsx'
import { Failure } from '../parts/failure.tsx'
import { Page } from '../parts/page.tsx'
import { useResource } from '../parts/resource.ts'

export function KeysPage() {
  const words = texts.value
  const {
    value,
    problem: unread,
    reload,
  } = useResource((signal) => request<{ items: ApiKey[] }>('keys', { signal }), [])
  const made = useSignal<string | undefined>(undefined)
  const removing = useSignal<ApiKey | undefined>(undefined)
  const failure = useSignal<Problem | undefined>(undefined)
  const attempt = async (work: () => Promise<void>) => {
    failure.value = undefined
    try {
      await work()
    } catch (error) {
      failure.value = problemOf(error)
    }
    reload()
  }
  const problem = failure.value ?? unread
  return (
    <Page>
      <header class="page-head">
        <h1>{words.keys}</h1>
        <p class="hint">{words.keysExplained}</p>
      </header>
      {problem && (
        <Failure
          problem={problem}
          onRetry={() => {
            failure.value = undefined
            reload()
          }}
        />
      )}
      <NewKey
        onCreate={(name) =>
          attempt(async () => {
            const { key } = await request<{ key: string }>('keys', { method: 'POST', body: { name } })
            made.value = key
          })
        }
      />
      {made.value && (
        <div class="made-key" role="status">
          <p>{words.keyOnce}</p>
          <code>{made.value}</code>
          <CopyButton text={() => made.value ?? ''} />
        </div>
      )}
      {value?.items.length === 0 && <p class="hint">{words.noKeys}</p>}
      {value && value.items.length > 0 && (
        <div class="table-frame">
          <table class="wide">
            <thead>
              <tr>
                <th>{words.keyName}</th>
                <th>{words.key}</th>
                <th>{words.created}</th>
                <th>{words.lastUsed}</th>
                <th>
                  <span class="out-of-sight">{words.revoke}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {value.items.map((key) => (
                <tr key={key.id}>
                  <th scope="row">{key.name}</th>
                  <td>{key.prefix && <code>{key.prefix}…</code>}</td>
                  <td class="no-wrap">{moment(key.createdAt)}</td>
                  <td class="no-wrap">{key.lastUsedAt ? moment(key.lastUsedAt) : words.never}</td>
                  <td class="right">
                    <button
                      type="button"
                      class="button small danger"
                      onClick={() => {
                        removing.value = key
                      }}
                    >
                      {words.revoke}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {removing.value && (
        <Question
          question={words.revokeQuestion(removing.value.name)}
          explained={words.revokeExplained}
          action={words.revoke}
          onYes={() => {
            const id = removing.value?.id ?? ''
            void attempt(() => request(pathOf(['keys', id]), { method: 'DELETE' }))
          }}
          onClose={() => {
            removing.value = undefined
          }}
        />
      )}
    </Page>
  )
}

function NewKey({ onCreate }: { onCreate: (name: string) => Promise<void> }) {
  const words = texts.value
  const name = useSignal('')
  return (
    <form
      class="new-key"
      onSubmit={(event) => {
        event.preventDefault()
        const text = name.value.trim()
        if (!text) return
        name.value = ''
        void onCreate(text)
      }}
    >
      <label class="field">
        <span>{words.newKey}</span>
        <input
          value={name.value}
          placeholder={words.keyNamePlaceholder}
          onInput={(event) => {
            name.value = event.currentTarget.value
          }}
        />
      </label>
      <button type="submit" class="button primary" disabled={name.value.trim() === ''}>
        {words.createKey}
      </button>
    </form>
  )
}
