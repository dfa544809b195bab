import { texts } from '../language/index.ts'
import { Icon } from './icons.tsx'

/** What went wrong, with a way to try again. */
export function Failure({ message, what, onRetry }: { message: string; what?: string; onRetry?: () => void }) {
  return (
    <div class="failure" role="alert">
      <Icon name="warning" />
      <p>
        {what && <strong>{what} </strong>}
        {texts.value.requestFailed(message)}
      </p>
      {onRetry && (
        <button type="button" class="button small" onClick={onRetry}>
          {texts.value.retry}
        </button>
      )}
    </div>
  )
}
