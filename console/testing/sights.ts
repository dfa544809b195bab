import type { MetricsPage, Run, SystemState, SystemTick } from '../source/api/types.ts'

const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString()

export function runs(): Run[] {
  return [
    {
      name: 'countdown',
      status: 'running',
      startedAt: ago(42),
      updatedAt: ago(0),
      stages: [
        { index: 1, name: '01-sft', kind: 'sft', status: 'finished', step: 300, steps: 300, loss: 0.412 },
        { index: 2, name: '02-grpo', kind: 'grpo', status: 'running', step: 121, steps: 400, loss: 0.021 },
        { index: 3, name: '03-evaluate', kind: 'evaluate', status: 'waiting' },
      ],
    },
    {
      name: 'first-steps',
      status: 'finished',
      startedAt: ago(3000),
      updatedAt: ago(2900),
      stages: [
        { index: 1, name: '01-pretrain', kind: 'pretrain', status: 'finished', step: 293, steps: 293, loss: 2.098 },
        { index: 2, name: '02-quantize', kind: 'quantize', status: 'finished' },
      ],
    },
    {
      name: 'countdown-low-rate',
      status: 'stopped',
      startedAt: ago(9000),
      updatedAt: ago(8950),
      stages: [{ index: 1, name: '01-sft', kind: 'sft', status: 'stopped', step: 120, steps: 300, loss: 0.9 }],
    },
  ]
}

/** How many steps the stand-in's stages have taken. */
function lengthOf(stage: string): number {
  return stage.includes('grpo') ? 121 : /evaluate|quantize/.test(stage) ? 0 : 293
}

/** Rows that fall and rise as real ones do; the offset counts rows here, bytes on a real server. */
export function metricsOf(run: string, stage: string, after: number, length = lengthOf(stage)): MetricsPage {
  const worse = run === 'countdown' ? 0 : 0.4
  const rows = Array.from({ length: Math.max(length - after, 0) }, (_, place) => {
    const step = after + place + 1
    const wave = Math.sin(step * 1.7) * 0.04 + Math.sin(step * 0.31) * 0.03
    if (stage.includes('grpo')) {
      return {
        step,
        steps: 400,
        loss: 0.02 + wave / 8,
        reward: 0.9 - 0.85 * Math.exp(-step / 60) + wave,
        entropy: 0.25 + 1.1 * Math.exp(-step / 80) + wave / 2,
        length: 60 + step * 0.6 + wave * 90,
        kl: 0.0004 * step + wave / 50,
        milliseconds: 900 + wave * 400,
      }
    }
    return {
      step,
      steps: 293,
      loss: 0.4 + worse + 5.4 * Math.exp(-step / 40) + wave,
      norm: 0.8 + 6 * Math.exp(-step / 20) + wave,
      rate: 0.002 * Math.min(1, step / 29),
      milliseconds: 72 + wave * 60,
      ...(step % 50 === 0 ? { evaluated: 0.6 + worse + 5.4 * Math.exp(-step / 40) } : {}),
    }
  })
  return { rows, next: after + rows.length }
}

export function samplesOf(stage: string): unknown[] {
  if (!stage.includes('grpo')) return []
  return [20, 60, 100].flatMap((step) =>
    [0, 1, 2].map((place) => ({
      step,
      prompt: 'Using the numbers 3, 5, 7, 11, make 24.',
      text: `<think>\n${'11 + 7 = 18. '.repeat(place + 1)}\n</think>\n<answer>(11 - 5) * (7 - 3)</answer>`,
      reward: place === 0 ? 1 : place === 1 ? 0.1 : 0,
      length: 48 + place * 11,
    })),
  )
}

export function system(): SystemState {
  return {
    version: '0.1.0',
    uptimeSeconds: 93_784,
    node: 'v20.19.0',
    cpu: { model: 'AMD EPYC 9R14', cores: 8, path: 'avx512bf16' },
    device: 'cpu',
    memory: { rss: 812_000_000, total: 33_500_000_000 },
    models: [
      {
        id: 'r1-nano',
        state: 'loaded',
        family: 'r1',
        parameters: 4_800_000,
        weightBytes: 9_600_000,
        cacheBytes: 50_000_000,
        precision: 'bf16',
        slots: 16,
        context: 2048,
      },
      { id: 'smollm2-135m', state: 'unloaded' },
    ],
    engine: { running: 2, waiting: 1, kvUse: 0.31, prefixHits: 412, prefixQueries: 640 },
  }
}

export function tick(step: number): SystemTick {
  const wave = Math.sin(step / 5)
  return {
    time: new Date().toISOString(),
    running: 2 + Math.round(wave),
    waiting: Math.max(0, Math.round(wave * 2)),
    promptTokensPerSecond: 900 + 300 * wave,
    generationTokensPerSecond: 310 + 60 * wave,
    ttftP50: 42 + 8 * wave,
    tpotP50: 6.1 + wave,
    rss: 812_000_000 + 4_000_000 * wave,
    kvUse: 0.31 + 0.1 * wave,
  }
}
