import { Icon, type IconName } from './icons.tsx'

interface IconButtonProps {
  icon: IconName
  /** Its name for screen readers, shown when the pointer rests on it. */
  label: string
  onClick: () => void
  pressed?: boolean
  disabled?: boolean
  class?: string
}

export function IconButton({ icon, label, onClick, pressed, disabled, class: kind = '' }: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon-button ${kind}`}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  )
}
