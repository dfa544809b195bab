import { untracked, useSignal, useSignalEffect } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { ChatPage } from './chat/chat-page.tsx'
import { loadConversations } from './chat/conversations.ts'
import { newChat, openConversation, openError } from './chat/store.ts'
import { KeyDialog } from './key-dialog.tsx'
import { texts } from './language/index.ts'
import { IconButton } from './parts/icon-button.tsx'
import { Icon } from './parts/icons.tsx'
import { Notices } from './parts/notices.tsx'
import { Page as EmptyPage } from './parts/page.tsx'
import { SettingsDialog } from './settings-dialog.tsx'
import { onShortcut } from './shortcuts.ts'
import { ShortcutsDialog } from './shortcuts-dialog.tsx'
import { online } from './state/online.ts'
import { addressOf, go, type Page, route } from './state/route.ts'
import { keyNeeded, serverGone, session } from './state/session.ts'

type LazyPage = Exclude<Page, 'chat'>

/** Pages that come when they are first visited. */
const loaders: Readonly<Record<LazyPage, () => Promise<ComponentType>>> = {
  runs: async () => (await import('./runs/runs-page.tsx')).RunsPage,
  system: async () => (await import('./system/system-page.tsx')).SystemPage,
  keys: async () => (await import('./keys/keys-page.tsx')).KeysPage,
}

function Later({ page }: { page: LazyPage }) {
  const loaded = useSignal<{ page: LazyPage; view: ComponentType } | undefined>(undefined)
  useEffect(() => {
    void loaders[page]().then((view) => {
      loaded.value = { page, view }
    })
  }, [page, loaded])
  const found = loaded.value
  if (found?.page !== page) return <EmptyPage busy />
  return <found.view />
}

/** Conversations follow the address, also when the reader goes back in history. */
function useOpenConversation(): void {
  useSignalEffect(() => {
    const { page, id } = route.value
    // Looked at again when the server is back.
    if (page !== 'chat' || keyNeeded.value || (serverGone.value && openError.peek())) return
    // What these read is not what the address follows.
    untracked(() => {
      if (id) void openConversation(id)
      else newChat()
    })
  })
  useSignalEffect(() => {
    if (session.value && !keyNeeded.value) untracked(() => void loadConversations())
  })
}

export function App() {
  const dialog = useSignal<'shortcuts' | 'settings' | undefined>(undefined)
  useOpenConversation()
  useEffect(() => {
    const pages: readonly Page[] = ['chat', 'runs', 'system']
    const ends = pages.map((page, index) => onShortcut(String(index + 1), () => go({ page })))
    ends.push(onShortcut('?', () => (dialog.value = 'shortcuts')))
    return () => {
      for (const end of ends) end()
    }
  }, [dialog])
  const close = () => (dialog.value = undefined)
  const { page } = route.value
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={skip}>
        {texts.value.skip}
      </button>
      <Rail open={(name) => (dialog.value = name)} />
      {serverGone.value && (
        <p class="banner" role="status">
          {online.value ? texts.value.serverGone : texts.value.offlineWaiting}
        </p>
      )}
      {page === 'chat' ? <ChatPage /> : <Later page={page} />}
      {dialog.value === 'shortcuts' && <ShortcutsDialog onClose={close} />}
      {dialog.value === 'settings' && <SettingsDialog onClose={close} />}
      <Notices />
      {keyNeeded.value && <KeyDialog />}
    </div>
  )
}

/** Moves the focus past the rail; the address, which a link would change, is the route's. */
function skip(): void {
  const content = document.getElementById('content')
  content?.setAttribute('tabindex', '-1')
  content?.focus()
}

function Rail({ open }: { open: (dialog: 'shortcuts' | 'settings') => void }) {
  const words = texts.value
  // Whoever has a key of a user is shown no pages that the server keeps from them.
  const pages: readonly Page[] = session.value?.admin === false ? ['chat'] : ['chat', 'runs', 'system', 'keys']
  return (
    <nav class="rail" aria-label={words.sections}>
      {pages.map((page) => (
        <a
          key={page}
          href={addressOf({ page })}
          aria-current={route.value.page === page ? 'page' : undefined}
          title={words[page]}
        >
          <Icon name={page} />
          <span>{words[page]}</span>
        </a>
      ))}
      <div class="rail-end">
        <IconButton icon="help" label={words.shortcuts} onClick={() => open('shortcuts')} />
        <IconButton icon="settings" label={words.settings} onClick={() => open('settings')} />
      </div>
    </nav>
  )
}
