import { texts } from './language/index.ts'
import { Dialog } from './parts/dialog.tsx'

const rows = [
  ['send', ['Enter']],
  ['newLine', ['Shift', 'Enter']],
  ['stop', ['Esc']],
  ['edit', ['↑']],
  ['write', ['/']],
  ['newChat', ['N']],
  ['search', ['Ctrl', 'K']],
  ['conversations', ['J'], ['K']],
  ['branches', ['['], [']']],
  ['regenerate', ['R']],
  ['copy', ['C']],
  ['think', ['T']],
  ['probabilities', ['P']],
  ['panel', ['M']],
  ['pages', ['1'], ['2'], ['3']],
  ['help', ['?']],
] as const

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const { shortcuts, shortcutKeys } = texts.value
  return (
    <Dialog title={shortcuts} onClose={onClose} class="wide">
      <dl class="shortcuts">
        {rows.map(([name, ...keys]) => (
          <div key={name}>
            <dt>{shortcutKeys[name]}</dt>
            <dd>
              {keys.map((chord) => (
                <span key={chord.join()} class="chord">
                  {chord.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </span>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
