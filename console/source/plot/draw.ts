import 'uplot/dist/uPlot.min.css'
import UPlot from 'uplot'
import { language } from '../language/index.ts'
import { aligned, type Series, smoothed, weightFor } from './series.ts'

export interface Canvas {
  show(series: readonly Series[]): void
  remove(): void
}

export interface Drawing {
  readonly labels: readonly string[]
  readonly axis: 'step' | 'time'
  readonly format: (value: number) => string
  readonly logarithmic: boolean
  readonly smooth: boolean
  readonly fromZero: boolean
  readonly height: number
  readonly group?: string
  /** Hears of the place under the pointer. */
  onPoint(x: number | undefined): void
}

export type Draw = (target: HTMLElement, drawing: Drawing) => Canvas

/** A colour of the style sheet as a canvas understands it. */
function colourOf(target: HTMLElement, variable: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${variable})`
  target.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

function faint(colour: string): string {
  const [red, green, blue] = colour.match(/[\d.]+/g) ?? []
  return `rgb(${red} ${green} ${blue} / 22%)`
}

/** Series of at most so many values are drawn with their points. */
const fewPoints = 12

/** Raw values faintly and smoothed ones strongly, or only the values. */
function seriesOf({ labels, smooth }: Drawing, colours: readonly string[]): UPlot.Series[] {
  // A few measurements far apart are seen by their points; a single one has no line at all.
  const points: UPlot.Series.Points = {
    show: ({ data }, series) => Array.from(data[series] ?? []).filter((value) => value != null).length <= fewPoints,
    size: 5,
  }
  return labels.flatMap((label, place): UPlot.Series[] => {
    const stroke = colours[place % colours.length] ?? ''
    const strong = { label, stroke, width: 1.6, points, spanGaps: true }
    return smooth ? [{ ...strong, stroke: faint(stroke), width: 1 }, strong] : [strong]
  })
}

function optionsOf(target: HTMLElement, drawing: Drawing): UPlot.Options {
  const muted = colourOf(target, '--muted')
  const line = colourOf(target, '--line')
  const colours = Array.from({ length: 6 }, (_, place) => colourOf(target, `--series-${place}`))
  const locale = language.value === 'zh' ? 'zh-Hans' : 'en'
  const minutes = new Intl.DateTimeFormat(locale, { timeStyle: 'short', hourCycle: 'h23' })
  const seconds = new Intl.DateTimeFormat(locale, { timeStyle: 'medium', hourCycle: 'h23' })
  const axis = {
    stroke: muted,
    font: "11px 'Inter', sans-serif",
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  }
  return {
    width: Math.max(target.clientWidth, 120),
    height: drawing.height,
    legend: { show: false },
    padding: [6, 18, 0, 0],
    cursor: {
      y: false,
      drag: { x: drawing.axis === 'step', y: false },
      points: { size: 6 },
      ...(drawing.group ? { sync: { key: drawing.group } } : {}),
    },
    scales: {
      x: drawing.axis === 'time' ? { time: true, range: atLeastAMinute } : { time: false },
      y: drawing.logarithmic ? { distr: 3 } : { range: drawing.fromZero ? upFromZero : roomy },
    },
    series: [{}, ...seriesOf(drawing, colours)],
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 70,
        size: 26,
        ...(drawing.axis === 'time'
          ? {
              values: (_, splits, _axis, _space, step) =>
                splits.map((at) => (step < 60 ? seconds : minutes).format(at * 1000)),
            }
          : {}),
      },
      {
        ...axis,
        grid: { ...axis.grid, ...(drawing.logarithmic ? { filter: decades } : {}) },
        space: 34,
        size: (_, values) => 14 + 6.2 * Math.max(2, ...(values ?? []).map((text) => text?.length ?? 0)),
        values: (_, splits) => splits.map((value) => (value === null ? '' : drawing.format(value))),
      },
    ],
    hooks: {
      setCursor: [
        ({ cursor: { idx }, data }) => drawing.onPoint(idx == null ? undefined : (data[0][idx] ?? undefined)),
      ],
    },
  }
}

/** Times up to the last one, never so few that the axis names fractions of a second. */
function atLeastAMinute(_: UPlot, first: number | null, last: number | null): UPlot.Range.MinMax {
  if (first === null || last === null) return [0, 60]
  return [Math.min(first, last - 60), last]
}

/** Of a logarithmic axis only the powers of ten have lines. */
function decades(_: UPlot, splits: number[]): (number | null)[] {
  return splits.map((value) => (Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6) ? value : null))
}

/** A range that begins at nothing, so that what is drawn high is much. */
function upFromZero(_: UPlot, _low: number | null, high: number | null): UPlot.Range.MinMax {
  return [0, high ? high * 1.1 : 1]
}

/** A range with a little room; a line that never moves gets some too. */
function roomy(_: UPlot, low: number | null, high: number | null): UPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1]
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room]
}

/** A canvas that fills the width of its element. */
export const draw: Draw = (target, drawing) => {
  const plot = new UPlot(optionsOf(target, drawing), [[]], target)
  const observer = new ResizeObserver(() => {
    if (target.clientWidth > 0) plot.setSize({ width: target.clientWidth, height: drawing.height })
  })
  observer.observe(target)
  return {
    show(series) {
      const pairs = series.flatMap((one) => [one, { ...one, y: smoothed(one.y, weightFor(one.y.length)) }])
      plot.setData(aligned(drawing.smooth ? pairs : series))
      target.classList.toggle(
        'no-data',
        series.every(({ x }) => x.length === 0),
      )
    },
    remove() {
      observer.disconnect()
      plot.destroy()
    },
  }
}
