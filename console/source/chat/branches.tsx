import type { Message } from '../api/types.ts'
import { texts } from '../language/index.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { stepBranch } from './store.ts'

/** Arrows through the branches that begin with a message; nothing where there is only one. */
export function Branches({ message, siblings }: { message: Message; siblings: readonly Message[] }) {
  const words = texts.value
  if (siblings.length < 2) return null
  const place = siblings.findIndex(({ id }) => id === message.id)
  return (
    <span class="branches">
      <IconButton
        icon="left"
        label={words.previousBranch}
        disabled={place <= 0}
        onClick={() => stepBranch(message, -1)}
      />
      <span aria-label={words.branch(place + 1, siblings.length)} role="img">
        {place + 1}/{siblings.length}
      </span>
      <IconButton
        icon="right"
        label={words.nextBranch}
        disabled={place >= siblings.length - 1}
        onClick={() => stepBranch(message, 1)}
      />
    </span>
  )
}
