/** A line of a chart. */
export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** One chart of a grid. */
export interface Panel {
  readonly title: string
  readonly series: readonly Series[]
  /** Smallest and largest y; those of the points without it. */
  readonly range?: readonly [number, number]
}

/** Pixels of a panel, and of the space around its plot. */
const size = { width: 320, height: 200, left: 46, right: 12, top: 40, bottom: 26 } as const
const columns = 3

/** Colours that people with any colour vision tell apart (Okabe and Ito 2008). */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00'] as const

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => escapes[sign] as string)

/** Round numbers that span a range: steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count = 5): number[] {
  const rough = (high - low) / count
  if (!(rough > 0)) return [low]
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) as number) * power
  const found: number[] = []
  for (let index = Math.ceil(low / step); index * step <= high + step * 1e-9; index++) found.push(index * step)
  return found
}

const label = (value: number): string => String(Number(value.toPrecision(4)))

function extent(values: readonly number[]): [number, number] {
  const [low, high] = values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ) as [number, number]
  if (!Number.isFinite(low)) return [0, 1]
  return low === high ? [low - 0.5, high + 0.5] : [low, high]
}

function panelElements({ title, series, range }: Panel): string {
  const { width, height, left, right, top, bottom } = size
  const points = series.flatMap((line) => line.points)
  const [x0, x1] = extent(points.map(([x]) => x))
  const [y0, y1] = range ?? extent(points.map(([, y]) => y))
  const atX = (x: number) => left + ((x - x0) / (x1 - x0)) * (width - left - right)
  const atY = (y: number) => height - bottom - ((y - y0) / (y1 - y0)) * (height - top - bottom)
  const place = (value: number) => value.toFixed(1)
  const grid = ticks(y0, y1).map((y) => {
    const at = place(atY(y))
    return `<line x1="${left}" x2="${width - right}" y1="${at}" y2="${at}" class="grid"/><text x="${left - 6}" y="${at}" class="y">${label(y)}</text>`
  })
  const below = ticks(x0, x1, 5).map((x) => `<text x="${place(atX(x))}" y="${height - 8}" class="x">${label(x)}</text>`)
  const lines = series.map(({ points: own }, index) => {
    const path = own.map(([x, y]) => `${place(atX(x))},${place(atY(y))}`).join(' ')
    return `<polyline points="${path}" stroke="${colours[index % colours.length]}"/>`
  })
  let across = left
  const names = series.map(({ name }, index) => {
    const text = `<text x="${across}" y="32" fill="${colours[index % colours.length]}">${escaped(name)}</text>`
    across += 12 + 6 * name.length
    return text
  })
  return [
    `<text x="${left}" y="16" class="title">${escaped(title)}</text>`,
    ...names,
    ...grid,
    ...below,
    ...lines,
  ].join('')
}

/** A grid of line charts as an SVG document. Panels without points are left out. */
export function lineCharts(panels: readonly Panel[]): string {
  const shown = panels
    .map((panel) => ({ ...panel, series: panel.series.filter(({ points }) => points.length > 0) }))
    .filter(({ series }) => series.length > 0)
  const across = Math.min(columns, Math.max(1, shown.length))
  const [width, height] = [across * size.width, Math.ceil(shown.length / across) * size.height]
  const style =
    'text{font:11px sans-serif}.title{font-weight:bold;font-size:12px}.y{text-anchor:end;dominant-baseline:middle}.x{text-anchor:middle}.grid{stroke:#8884}polyline{fill:none;stroke-width:1.5}'
  const groups = shown.map(
    (panel, index) =>
      `<g transform="translate(${(index % across) * size.width} ${Math.floor(index / across) * size.height})">${panelElements(panel)}</g>`,
  )
  const title = shown.map((panel) => escaped(panel.title)).join(', ')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"><title>${title}</title><style>${style}</style><rect width="100%" height="100%" fill="white"/>\n${groups.join('\n')}\n</svg>\n`
}
