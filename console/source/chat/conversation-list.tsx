import { signal, useSignal } from '@preact/signals'
import { createRef } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { ConversationSummary } from '../api/types.ts'
import type { Dictionary } from '../language/en.ts'
import { texts } from '../language/index.ts'
import { Question } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { Icon } from '../parts/icons.tsx'
import { addressOf, go } from '../state/route.ts'
import { focusComposer } from './composer.tsx'
import { conversations, hasMore, loadMoreConversations, query, searchConversations } from './conversations.ts'
import { currentId, deleteConversation, renameConversation } from './store.ts'

/** On narrow pages the list lies over the conversation. */
export const listOpen = signal(false)
export const searchField = createRef<HTMLInputElement>()

type Age = 'today' | 'yesterday' | 'thisWeek' | 'earlier'

function ageOf(time: string): Age {
  const midnight = new Date()
  midnight.setHours(0, 0, 0, 0)
  const days = (midnight.getTime() - new Date(time).getTime()) / 86_400_000
  return days <= 0 ? 'today' : days <= 1 ? 'yesterday' : days <= 6 ? 'thisWeek' : 'earlier'
}

function byAge(items: readonly ConversationSummary[]): [Age, ConversationSummary[]][] {
  const groups = new Map<Age, ConversationSummary[]>()
  for (const item of items) {
    const age = ageOf(item.updatedAt)
    groups.set(age, [...(groups.get(age) ?? []), item])
  }
  return [...groups]
}

export function ConversationList() {
  const words = texts.value
  const items = conversations.value
  return (
    <>
      {listOpen.value && <Backdrop onClick={() => (listOpen.value = false)} />}
      <aside class={`list${listOpen.value ? ' open' : ''}`} aria-label={words.conversations}>
        <div class="list-head">
          <span class="wordmark">deepseek-r1</span>
          <IconButton
            icon="plus"
            label={words.newChat}
            onClick={() => {
              listOpen.value = false
              go({ page: 'chat' })
              focusComposer()
            }}
          />
        </div>
        <label class="search">
          <Icon name="search" />
          <input
            ref={searchField}
            type="search"
            placeholder={words.search}
            aria-label={words.search}
            value={query.value}
            onInput={(event) => searchConversations(event.currentTarget.value)}
          />
        </label>
        <div class="list-body">
          {items?.length === 0 && <p class="hint">{query.value ? words.noneFound : words.noConversations}</p>}
          {byAge(items ?? []).map(([age, group]) => (
            <Group key={age} name={words[age]} items={group} words={words} />
          ))}
          {hasMore.get() && (
            <button type="button" class="button small" onClick={() => void loadMoreConversations()}>
              {words.more}
            </button>
          )}
        </div>
      </aside>
    </>
  )
}

export function Backdrop({ onClick }: { onClick: () => void }) {
  // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: Escape does the same
  return <div class="backdrop" onClick={onClick} />
}

function Group({ name, items, words }: { name: string; items: readonly ConversationSummary[]; words: Dictionary }) {
  return (
    <section>
      <h2>{name}</h2>
      <ul>
        {items.map((item) => (
          <Entry key={item.id} item={item} words={words} />
        ))}
      </ul>
    </section>
  )
}

function Entry({ item, words }: { item: ConversationSummary; words: Dictionary }) {
  const renaming = useSignal(false)
  const removing = useSignal(false)
  const current = item.id === currentId.value
  const name = item.title || words.untitled
  if (renaming.value) {
    const done = (title?: string) => {
      if (!renaming.value) return
      renaming.value = false
      if (title && title !== item.title) void renameConversation(item.id, title)
    }
    return <NameField title={item.title} label={words.title} onDone={done} />
  }
  return (
    <li class={current ? 'current' : undefined}>
      <a
        href={addressOf({ page: 'chat', id: item.id })}
        aria-current={current ? 'true' : undefined}
        title={name}
        onClick={() => (listOpen.value = false)}
      >
        <span>{name}</span>
        {query.value && item.preview && <small>{item.preview}</small>}
      </a>
      <fieldset class="entry-actions" aria-label={words.actionsOf(name)}>
        <IconButton icon="pencil" label={words.rename} onClick={() => (renaming.value = true)} />
        <IconButton icon="trash" label={words.remove} onClick={() => (removing.value = true)} />
      </fieldset>
      {removing.value && (
        <Question
          question={words.removeQuestion(name)}
          explained={words.removeExplained}
          action={words.remove}
          onYes={() => void deleteConversation(item.id)}
          onClose={() => (removing.value = false)}
        />
      )}
    </li>
  )
}

function NameField({ title, label, onDone }: { title: string; label: string; onDone: (title?: string) => void }) {
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => field.current?.select(), [])
  return (
    <li>
      <input
        ref={field}
        class="name-field"
        aria-label={label}
        defaultValue={title}
        onBlur={(event) => onDone(event.currentTarget.value.trim())}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && !event.isComposing) onDone(event.currentTarget.value.trim())
          if (event.key !== 'Escape') return
          event.preventDefault()
          onDone()
        }}
      />
    </li>
  )
}
