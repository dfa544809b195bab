import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'

type Render = (tex: string, target: HTMLElement, display: boolean) => boolean

/** Comes with the first formula. */
const render = signal<Render | undefined>(undefined)
let asked = false

function load(): void {
  if (asked) return
  asked = true
  void import('./tex.ts').then(
    (loaded) => {
      render.value = loaded.renderTex
    },
    () => {
      asked = false
    },
  )
}

/** TeX as MathML; while it is incomplete, or where it is wrong, as it was written. */
export function Formula({ tex, display }: { tex: string; display: boolean }) {
  const target = useRef<HTMLSpanElement>(null)
  const draw = render.value
  useEffect(load, [])
  useEffect(() => {
    if (target.current && !draw?.(tex, target.current, display)) target.current.textContent = tex
  }, [tex, display, draw])
  return <span ref={target} class={display ? 'formula display' : 'formula'} />
}
