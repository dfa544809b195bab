import { signal } from '@preact/signals'
import type { ComponentChild } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import { texts } from '../language/index.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import type { Coloured, Highlighter } from './highlight.ts'

/** Comes with the first piece of code. */
const highlighter = signal<Highlighter | undefined>(undefined)
let asked = false

function load(): void {
  if (asked) return
  asked = true
  void import('./highlight.ts').then(
    ({ highlight }) => {
      highlighter.value = highlight
    },
    () => {
      asked = false
    },
  )
}

function nodes(parts: readonly Coloured[]): ComponentChild[] {
  return parts.map((part, index) =>
    typeof part === 'string' ? (
      part
    ) : (
      <span key={index} class={part.kind}>
        {nodes(part.parts)}
      </span>
    ),
  )
}

/** A fenced block with its language, a button to copy it, and colours once the highlighter is there. */
export function CodeBlock({ code, language }: { code: string; language: string }) {
  useEffect(load, [])
  const name = language.split(/[\s{,]/)[0] ?? ''
  const highlight = highlighter.value
  const parts = useMemo(() => highlight?.(code, name), [code, name, highlight])
  return (
    <figure class="code">
      <figcaption>
        <span>{name || 'text'}</span>
        <CopyButton text={() => code} label={texts.value.copyCode} />
      </figcaption>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, and what scrolls must be reachable
        tabIndex={0}
      >
        <code>{parts ? nodes(parts) : code}</code>
      </pre>
    </figure>
  )
}
