import { useSignal } from '@preact/signals'
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { Token } from '../api/types.ts'
import { percent } from '../language/format.ts'
import { texts } from '../language/index.ts'
import { tokensOf } from './tokens.ts'

/** From certain to surprising: each class holds tokens of at least this probability. */
const levels = [0.9, 0.6, 0.3, 0.1, 0] as const

function levelOf(probability: number): number {
  const level = levels.findIndex((least) => probability >= least)
  return level < 0 ? levels.length - 1 : level
}

/** Spaces and line ends with names, so that they can be seen. */
function visible(text: string): string {
  const words = texts.value
  if (text.trim() !== '') return text.trim()
  return text.includes('\n') ? words.newLine : words.space
}

/** A text token by token, the surprising ones coloured; the pointer or the arrow keys show what else it could have been. */
export function TokenText({ text, tokens: written }: { text: string; tokens: readonly Token[] }) {
  const words = texts.value
  const tokens = useMemo(() => tokensOf(text, written), [text, written])
  const frame = useRef<HTMLDivElement>(null)
  const active = useSignal<number | undefined>(undefined)
  const step = (by: number) => {
    active.value = Math.min(Math.max((active.value ?? (by > 0 ? -1 : tokens.length)) + by, 0), tokens.length - 1)
  }
  const token = active.value === undefined ? undefined : tokens[active.value]
  return (
    <div class="tokens-frame">
      {/* biome-ignore lint/a11y/useSemanticElements: the tokens of a text are no form */}
      {/* biome-ignore lint/a11y/useKeyWithMouseEvents: the arrow keys do what the pointer does */}
      <div
        ref={frame}
        class="tokens"
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys go through the tokens
        tabIndex={0}
        aria-label={words.probabilities}
        onKeyDown={(event) => {
          if (event.key === 'ArrowRight') step(1)
          else if (event.key === 'ArrowLeft') step(-1)
          else return
          event.preventDefault()
        }}
        onMouseOver={(event) => {
          const place = event.target instanceof HTMLElement ? event.target.dataset.place : undefined
          if (place !== undefined) active.value = Number(place)
        }}
        onMouseLeave={() => {
          active.value = undefined
        }}
        onBlur={() => {
          active.value = undefined
        }}
      >
        {tokens.map(({ text, probability }, index) => (
          <span
            key={index}
            data-place={index}
            class={`token level-${levelOf(probability)}${index === active.value ? ' active' : ''}`}
          >
            {text.replaceAll('\n', '↵\n')}
          </span>
        ))}
      </div>
      {token && frame.current && <Alternatives token={token} place={active.value ?? 0} frame={frame.current} />}
    </div>
  )
}

/** What the colours mean. */
export function Scale() {
  const words = texts.value
  return (
    <p class="scale" aria-hidden="true">
      <span>{words.likely}</span>
      {levels.map((least, level) => (
        <span key={least} class={`swatch level-${level}`} />
      ))}
      <span>{words.unlikely}</span>
    </p>
  )
}

/** A probability such as 93% or 4.2%; what rounds to nothing is not nothing. */
function shown(probability: number): string {
  if (probability < 0.0005) return `<${percent(0.001, 1)}`
  return percent(probability, probability < 0.1 ? 1 : 0)
}

function Alternatives({ token, place, frame }: { token: Token; place: number; frame: HTMLElement }) {
  const words = texts.value
  const box = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const target = frame.querySelector(`[data-place="${place}"]`)
    if (!box.current || !target) return
    const at = target.getBoundingClientRect()
    const within = frame.getBoundingClientRect()
    const left = Math.min(at.left - within.left, within.width - box.current.offsetWidth)
    box.current.style.left = `${Math.max(0, left)}px`
    box.current.style.top = `${at.bottom - within.top + 6}px`
  }, [frame, place])
  const others = token.top ?? []
  const all = others.some(({ text }) => text === token.text) ? others : [token, ...others]
  return (
    <div ref={box} class="alternatives" role="status" aria-label={words.alternatives}>
      {all.map(({ text, probability }, index) => (
        <div key={index} class={text === token.text ? 'drawn' : undefined}>
          <span class="alternative">{visible(text)}</span>
          <meter value={probability} max={1} aria-label={words.probability} />
          <span class="probability">{shown(probability)}</span>
        </div>
      ))}
    </div>
  )
}
