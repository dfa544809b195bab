import { texts } from '../language/index.ts'
import { notice } from '../state/notice.ts'
import { explained } from './failure.tsx'
import { IconButton } from './icon-button.tsx'
import { Icon } from './icons.tsx'

/** What failed behind the page, at its lower edge, until it is read. */
export function Notices() {
  const told = notice.value
  if (!told) return null
  return (
    <div class="failure notice" role="alert">
      <Icon name="warning" />
      <p>
        <strong>{told.what}</strong> {explained(told.problem)}
      </p>
      <IconButton
        icon="close"
        label={texts.value.close}
        onClick={() => {
          notice.value = undefined
        }}
      />
    </div>
  )
}
