/** Results as Markdown. */

export function machineLine(machine, { threads, rounds }) {
  const model = [machine.family && `family ${machine.family}`, machine.model && `model ${machine.model}`].filter(
    Boolean,
  )
  return [
    `${machine.cpu}${model.length > 0 ? ` (${model.join(', ')})` : ''}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.platform};`,
    `${machine.features.join(' ')}; Node ${machine.node}; ${threads} threads, ${rounds} rounds.`,
  ].join(' ')
}

/** The ratio is tokens a second of our best mode over the row's (medians), or the row's over the fastest without us. */
export function trainingTable({ name, configuration, sides }) {
  const done = sides.filter(({ error }) => error === undefined)
  const fastest = (candidates) => candidates.toSorted((left, right) => left.msMedian - right.msMedian)[0]
  const ours = fastest(done.filter(({ side }) => side === 'ours'))
  const reference = ours ?? fastest(done)
  const rows = sides.map((row) => {
    if (row.error !== undefined) return [`${row.side} ${row.mode}`, `failed: ${row.error.split('\n')[0]}`]
    return [
      `${row.side} ${row.mode}${row.path ? ` (${row.path})` : ''}`,
      `${row.msMedian.toFixed(0)} / ${row.msBest.toFixed(0)}`,
      `${row.tokensPerSecondMedian.toFixed(0)} / ${row.tokensPerSecondBest.toFixed(0)}`,
      `${(row.msMedian / reference.msMedian).toFixed(2)} / ${(row.msBest / reference.msBest).toFixed(2)}`,
      row.peakRssMb.toFixed(0),
      (row.firstStepMs / 1e3).toFixed(1),
      `${row.firstLoss.toFixed(3)} → ${row.lastLoss.toFixed(3)} (${row.steps + 2})`,
      `${row.countedSteps}${row.quiet ? '' : ' (disturbed)'}`,
    ]
  })
  const { layers, width, heads, keyValueHeads, feedForward, vocabulary, sequence, batch, loraRank } = configuration
  const shape = `${layers} × ${width}, H ${heads}/${keyValueHeads}, FF ${feedForward}, V ${vocabulary}, S ${sequence}, B ${batch}`
  const parameters = done[0] ? `, ${(done[0].parameters / 1e6).toFixed(2)} M parameters` : ''
  const heading = `**${name}**: ${shape}${loraRank > 0 ? `, LoRA r ${loraRank}` : ''}${parameters}. Times are median / best.`
  const than = reference ? `time ÷ ${reference.side} ${reference.mode}` : 'time'
  const head = ['side', 'ms a step', 'tokens/s', than, 'peak MB', 'first step s', 'loss (steps)', 'steps counted']
  return `${heading}\n\n${table(head, rows)}`
}

export function gemmTable(rows) {
  const columns = rows[0]?.sides.map(({ side, mode }) => `${side} ${mode}`) ?? []
  const head = ['M × N × K', 'layout', 'what', ...columns]
  const body = rows.map(({ M, N, K, layout, what, sides }) => [
    `${M} × ${N} × ${K}`,
    layout,
    what,
    ...sides.map(
      ({ gflopsMedian, gflopsBest, quiet }) =>
        `${gflopsMedian.toFixed(0)} / ${gflopsBest.toFixed(0)}${quiet ? '' : ' *'}`,
    ),
  ])
  return `GFLOPS, median / best (*: others kept the processor busy)\n\n${table(head, body)}`
}

function table(head, rows) {
  const line = (cells) => `| ${head.map((_, index) => cells[index] ?? '').join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}
