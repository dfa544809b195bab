import { signal, useComputed, useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { measured } from '../language/format.ts'
import { texts } from '../language/index.ts'
import { theme } from '../state/preferences.ts'
import type { Canvas, Draw } from './draw.ts'
import { type Series, thinned } from './series.ts'

/** Comes with the first plot. */
const draw = signal<Draw | undefined>(undefined)
let asked = false

function load(): void {
  if (asked) return
  asked = true
  void import('./draw.ts').then(
    (loaded) => {
      draw.value = loaded.draw
    },
    () => {
      asked = false
    },
  )
}

/** Counts up when the system turns dark or light: canvases must be painted anew. */
const schemeChanges = signal(0)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => schemeChanges.value++)

/** More points than pixels show nothing more. */
const mostPoints = 1500

export interface PlotProps {
  title: string
  series: readonly Series[]
  /** Steps, or seconds since 1970. */
  axis: 'step' | 'time'
  /** How values are written. */
  format?: (value: number) => string
  logarithmic?: boolean
  /** The scale begins at nothing. */
  fromZero?: boolean
  /** Draws the mean of neighbours strongly, the values faintly. */
  smooth?: boolean
  /** Plots of one group share the pointer. */
  group?: string
  height?: number
  /** Beside the title. */
  children?: ComponentChildren
}

/** Curves with a title, and the values under the pointer or else the latest. */
export function Plot(props: PlotProps) {
  const {
    title,
    series,
    axis,
    format = measured,
    logarithmic = false,
    smooth = false,
    fromZero = false,
    group,
    height = 170,
  } = props
  const target = useRef<HTMLDivElement>(null)
  const canvas = useRef<Canvas | undefined>(undefined)
  const at = useSignal<number | undefined>(undefined)
  const painter = draw.value
  const colours = useComputed(() => `${theme.value} ${schemeChanges.value}`).value
  const labels = series.map(({ label }) => label).join('\n')
  useEffect(load, [])
  useEffect(() => {
    if (!target.current || !painter) return
    const made = painter(target.current, {
      labels: labels.split('\n'),
      axis,
      format,
      logarithmic,
      smooth,
      fromZero,
      height,
      ...(group ? { group } : {}),
      onPoint: (x) => {
        at.value = x
      },
    })
    canvas.current = made
    made.show(series.map((one) => thinned(one, mostPoints)))
    return () => made.remove()
    // The values follow below; here only what needs a new canvas.
  }, [painter, labels, axis, logarithmic, smooth, fromZero, height, group, colours])
  useEffect(() => canvas.current?.show(series.map((one) => thinned(one, mostPoints))), [series])
  return (
    <figure class="plot">
      <figcaption>
        <h3>{title}</h3>
        {props.children}
      </figcaption>
      <ul class={`values${series.length > 1 ? ' several' : ''}`}>
        {series.map((one, place) => (
          <li key={one.label} class={`series-${place % 6}`}>
            {series.length > 1 && <span>{one.label}</span>}
            <strong>{valueAt(one, at.value, format)}</strong>
          </li>
        ))}
        {axis === 'step' && at.value !== undefined && <li class="hint">{texts.value.atStep(String(at.value))}</li>}
      </ul>
      <div ref={target} class="canvas" role="img" aria-label={`${title}: ${labels}`} />
    </figure>
  )
}

/** The value at a place or before it; without a place the last one. */
function valueAt({ x, y }: Series, at: number | undefined, format: (value: number) => string): string {
  const place = at === undefined ? x.length - 1 : x.findLastIndex((step) => step <= at)
  const value = y[place]
  return value === undefined ? texts.value.none : format(value)
}
