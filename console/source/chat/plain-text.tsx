import { useMemo } from 'preact/hooks'
import { stretchesOf } from './stretches.ts'

/** A text as it was written: every space and line break kept, no character taken for markup. */
export function PlainText({ text }: { text: string }) {
  const stretches = useMemo(() => stretchesOf(text), [text])
  return (
    <div class="plain">
      {stretches.map((stretch, index) => (
        <p key={index}>{stretch}</p>
      ))}
    </div>
  )
}
