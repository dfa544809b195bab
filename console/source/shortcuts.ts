type Action = (event: KeyboardEvent) => void

const actions = new Map<string, Action>()

/** Name of a pressed key, such as `?`, `ctrl+k` or `escape`. */
function nameOf({ key, ctrlKey, metaKey, altKey }: KeyboardEvent): string {
  return `${ctrlKey || metaKey ? 'ctrl+' : ''}${altKey ? 'alt+' : ''}${key.toLowerCase()}`
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')
}

addEventListener('keydown', (event) => {
  // A dialog has its own keys, and an input method's Enter and Escape belong to it.
  if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]')) return
  const name = nameOf(event)
  if (isTyping(event.target) && !name.startsWith('ctrl+') && name !== 'escape') return
  const action = actions.get(name)
  if (!action) return
  event.preventDefault()
  action(event)
})

/**
 * Calls an action when a key is pressed outside of fields; with Ctrl (or ⌘), and Escape, inside of them too.
 *
 * @returns what ends it
 */
export function onShortcut(keys: string | readonly string[], action: Action): () => void {
  const names = typeof keys === 'string' ? [keys] : keys
  for (const name of names) actions.set(name, action)
  return () => {
    for (const name of names) if (actions.get(name) === action) actions.delete(name)
  }
}
