import { appendFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, ConsoleServer, eventsOf } from '../testing/console-server.ts'

const server = await ConsoleServer.start()
afterAll(() => server[Symbol.asyncDispose]())

describe('/api/runs', () => {
  const stage = (name: string, ...rest: string[]) => join(server.runs, 'countdown', name, ...rest)
  beforeAll(async () => {
    await mkdir(stage('00-model'), { recursive: true })
    await mkdir(stage('01-sft'))
    await mkdir(stage('02-grpo'))
    const about = { version: 1, seed: 7, options: { rate: 0.1 } }
    await writeFile(stage('01-sft', 'run.json'), JSON.stringify({ ...about, stage: 'sft', status: 'done', result: {} }))
    await writeFile(stage('02-grpo', 'run.json'), JSON.stringify({ ...about, stage: 'grpo', status: 'running' }))
    const lines = [1, 2, 3].map((step) => `${JSON.stringify({ step, steps: 9, loss: 1 / step })}\n`)
    await writeFile(stage('01-sft', 'metrics.jsonl'), `${lines.join('')}{"step":4,"cut`)
    await writeFile(stage('02-grpo', 'metrics.jsonl'), lines[0] ?? '')
    await writeFile(stage('02-grpo', 'samples.jsonl'), [1, 1, 2].map((step) => `{"step":${step}}\n`).join(''))
    await writeFile(join(server.runs, 'a-file'), '')
    await writeFile(join(server.data, 'secret.jsonl'), '{"secret":1}\n')
  })

  it('lists runs with the state of their stages', async () => {
    const { answer } = await server.ask('GET', '/api/runs')
    expect(answer.items).toMatchObject([
      {
        name: 'countdown',
        status: 'running',
        stages: [
          { index: 1, name: '01-sft', kind: 'sft', status: 'finished', step: 3, steps: 9 },
          { index: 2, name: '02-grpo', kind: 'grpo', status: 'running', step: 1, loss: 1 },
        ],
      },
    ])
    const { answer: one } = await server.ask('GET', '/api/runs/countdown')
    expect(one.config).toMatchObject({ seed: 7, stages: [{ stage: 'sft', options: { rate: 0.1 } }, { stage: 'grpo' }] })
  })

  it('gives metrics from a place on, whole lines only, and samples of a step', async () => {
    const { answer } = await server.ask('GET', '/api/runs/countdown/metrics?stage=01-sft')
    expect(answer.rows.map(({ step }: Answer) => step)).toEqual([1, 2, 3])
    const rest = await server.ask('GET', `/api/runs/countdown/metrics?stage=01-sft&after=${answer.next}`)
    expect(rest.answer).toEqual({ rows: [], next: answer.next })
    const again = await server.ask('GET', '/api/runs/countdown/metrics?stage=01-sft&after=1000000')
    expect(again.answer).toEqual(answer)
    const samples = await server.ask('GET', '/api/runs/countdown/samples?stage=02-grpo&step=1')
    expect(samples.answer.rows).toEqual([{ step: 1 }, { step: 1 }])
    expect((await server.ask('GET', '/api/runs/countdown/samples?stage=02-grpo&limit=1')).answer.rows).toEqual([
      { step: 2 },
    ])
    expect((await server.ask('GET', '/api/runs/countdown/samples?stage=01-sft')).answer.rows).toEqual([])
  })

  it('tells new rows and changes as the files grow', async () => {
    const controller = new AbortController()
    const response = await fetch(`${server.address}/api/runs/countdown/events`, { signal: controller.signal })
    const events = eventsOf(response)
    expect((await events.next()).value).toMatchObject({ type: 'status', status: 'running' })
    await appendFile(stage('02-grpo', 'metrics.jsonl'), '{"step":2,"loss":0.5}\n')
    expect((await events.next()).value).toMatchObject({
      type: 'metrics',
      stage: '02-grpo',
      rows: [{ step: 2, loss: 0.5 }],
    })
    await writeFile(stage('02-grpo', 'run.json'), JSON.stringify({ stage: 'grpo', status: 'done', options: {} }))
    expect((await events.next()).value).toMatchObject({ type: 'status', status: 'finished' })
    controller.abort()
    await events.next().catch(() => undefined)
  })

  it('shows runs of other folders that it was told of, and how they ended', async () => {
    const folder = join(server.data, 'mine', 'told')
    await mkdir(join(folder, '01-sft'), { recursive: true })
    await writeFile(join(folder, '01-sft', 'run.json'), JSON.stringify({ stage: 'sft', status: 'running' }))
    await writeFile(join(folder, '01-sft', 'metrics.jsonl'), '{"step":1}\n')
    expect((await server.ask('GET', '/api/runs/told')).status).toBe(404)
    const said: string[] = []
    for (const [status, where] of [
      ['running', folder],
      ['failed', folder],
      ['running', '/etc/x'],
      ['running', 'told'],
    ]) {
      const about = { folder: where, name: 'told', status }
      said.push(`${status} ${(await server.ask('POST', '/api/runs', about)).status}`)
      if (where === folder) said.push((await server.ask('GET', '/api/runs/told')).answer.status)
    }
    expect(said).toEqual(['running 200', 'running', 'failed 200', 'failed', 'running 400', 'running 400'])
    expect((await server.ask('GET', '/api/runs/told/metrics?stage=01-sft')).answer.rows).toEqual([{ step: 1 }])
    const { answer } = await server.ask('GET', '/api/runs')
    expect(answer.items.map(({ name, status }: Answer) => `${name} ${status}`).sort()).toEqual([
      'countdown finished',
      'told failed',
    ])
    await rm(folder, { recursive: true })
    expect((await server.ask('GET', '/api/runs')).answer.items).toHaveLength(1)
  })

  it('reads nothing outside the folder of runs', async () => {
    await symlink(server.data, join(server.runs, 'link'))
    await mkdir(join(server.data, 'elsewhere', '01-x'), { recursive: true })
    await symlink(join(server.data, 'elsewhere'), join(server.runs, 'other'))
    await mkdir(stage('03-linked'))
    await symlink(join(server.data, 'secret.jsonl'), stage('03-linked', 'metrics.jsonl'))
    const names = [
      '..',
      '%2e%2e',
      '..%2f..%2fetc',
      'link',
      'other',
      '.',
      'a-file',
      'x%00y',
      encodeURIComponent(server.data),
    ]
    for (const name of names) {
      const { status, answer } = await server.ask('GET', `/api/runs/${name}/metrics?stage=01-x`)
      expect([name, status]).toEqual([name, 404])
      expect(JSON.stringify(answer)).not.toContain('secret')
    }
    for (const name of ['..', '../..', '01-sft/../../..', '/etc', '01-sft\u0000']) {
      const path = `/api/runs/countdown/metrics?stage=${encodeURIComponent(name)}`
      expect((await server.ask('GET', path)).status).toBe(404)
    }
    const linked = await server.ask('GET', '/api/runs/countdown/metrics?stage=03-linked')
    expect(linked.answer).toEqual({ rows: [], next: 0 })
    expect((await server.ask('GET', '/api/runs')).answer.items).toHaveLength(1)
  })
})
