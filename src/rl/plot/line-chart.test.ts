import { describe, expect, it } from 'vitest'
import { lineCharts, ticks } from './line-chart.ts'

describe('ticks', () => {
  it('are round numbers inside the range', () => {
    expect(ticks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1].map((value) => expect.closeTo(value)))
    expect(ticks(3, 97)).toEqual([20, 40, 60, 80])
    expect(ticks(5, 5)).toEqual([5])
  })
})

describe('line charts', () => {
  it('draw each series where its points are, and leave empty panels out', () => {
    const svg = lineCharts([
      {
        title: 'a < b',
        series: [
          {
            name: 'one',
            points: [
              [0, 0],
              [10, 1],
            ],
          },
          { name: 'none', points: [] },
        ],
        range: [0, 1],
      },
      { title: 'empty', series: [{ name: 'none', points: [] }] },
    ])
    expect(svg).toContain('<title>a &lt; b</title>')
    expect(svg).not.toContain('empty')
    // From the lower left corner of the plot to the upper right one.
    expect(svg.match(/<polyline points="([^"]*)"/g)).toEqual(['<polyline points="46.0,174.0 308.0,40.0"'])
  })
})
