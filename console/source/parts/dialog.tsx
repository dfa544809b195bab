import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { texts } from '../language/index.ts'
import { IconButton } from './icon-button.tsx'

interface DialogProps {
  title: string
  onClose: () => void
  children: ComponentChildren
  /** Without a way out but its own buttons. */
  firm?: boolean
  class?: string
}

/** A window over the page; the browser keeps the focus inside and gives it back afterwards. */
export function Dialog({ title, onClose, children, firm = false, class: kind = '' }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const dialog = element.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard closes it with Escape, which the browser sees to
    <dialog
      ref={element}
      class={`dialog ${kind}`}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault()
        if (!firm) onClose()
      }}
      onClick={(event) => {
        if (!firm && event.target === element.current) onClose()
      }}
    >
      <div class="dialog-body">
        <header>
          <h2>{title}</h2>
          {!firm && <IconButton icon="close" label={texts.value.close} onClick={onClose} />}
        </header>
        {children}
      </div>
    </dialog>
  )
}

interface QuestionProps {
  question: string
  explained: string
  action: string
  onYes: () => void
  onClose: () => void
}

/** Asks before something cannot be undone. */
export function Question({ question, explained, action, onYes, onClose }: QuestionProps) {
  return (
    <Dialog title={question} onClose={onClose}>
      <p>{explained}</p>
      <footer class="actions">
        <button type="button" class="button" onClick={onClose}>
          {texts.value.cancel}
        </button>
        <button
          type="button"
          class="button danger"
          onClick={() => {
            onClose()
            onYes()
          }}
        >
          {action}
        </button>
      </footer>
    </Dialog>
  )
}
