import { useRef, useState } from 'preact/hooks'
import { texts } from '../language/index.ts'
import { IconButton } from './icon-button.tsx'

/** Puts a text into the clipboard, also on pages that came over plain HTTP. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'out-of-sight'
  const before = document.activeElement
  document.body.append(field)
  field.select()
  document.execCommand('copy')
  field.remove()
  if (before instanceof HTMLElement) before.focus()
}

export function CopyButton({ text, label }: { text: () => string; label?: string }) {
  const [done, setDone] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const copy = async () => {
    await copyText(text())
    setDone(true)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setDone(false), 1500)
  }
  const name = done ? texts.value.copied : (label ?? texts.value.copy)
  return <IconButton icon={done ? 'check' : 'copy'} label={name} onClick={() => void copy()} />
}
