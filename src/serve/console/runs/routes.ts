import { basename, isAbsolute, resolve } from 'node:path'
import { createRoute, z } from '@hono/zod-openapi'
import type { ServeApp, ServeContext } from '../../context.ts'
import { BadRequest } from '../../http/failure.ts'
import { body, events, json } from '../route.ts'
import { watch } from '../system.ts'
import { followRun } from './follow.ts'
import { inside, isName } from './inside.ts'
import { lastRows, readRows } from './json-lines.ts'
import { ToldRuns } from './told-runs.ts'

const tags = ['Console']

const status = z.enum(['running', 'finished', 'failed', 'stopped'])

const runSchema = z
  .object({
    name: z.string(),
    status,
    startedAt: z.iso.datetime().nullable(),
    updatedAt: z.iso.datetime().nullable(),
    stages: z.array(
      z.object({
        index: z.int(),
        name: z.string(),
        kind: z.string(),
        status,
        step: z.number().nullable(),
        steps: z.number().nullable(),
        loss: z.number().nullable(),
      }),
    ),
  })
  .openapi('Run')

const params = z.object({ name: z.string().min(1).max(200) })
const stage = z.string().min(1).max(200)
const rows = z.array(z.record(z.string(), z.unknown()))
const wholeNumber = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

const list = createRoute({
  method: 'get',
  path: '/api/runs',
  summary: 'Runs of recipes, the latest first',
  tags,
  responses: json(z.object({ items: z.array(runSchema) }), 'The runs.'),
})

const read = createRoute({
  method: 'get',
  path: '/api/runs/{name}',
  summary: 'A run, and what its stages were told',
  tags,
  request: { params },
  responses: json(runSchema.extend({ config: z.unknown() }), 'The run.'),
})

const metrics = createRoute({
  method: 'get',
  path: '/api/runs/{name}/metrics',
  summary: 'What a stage measured, from a place on',
  description:
    '`next` is where the next row begins; it is smaller than `after` where a resumed run wrote its file anew.',
  tags,
  request: { params, query: z.object({ stage, after: wholeNumber.optional() }) },
  responses: json(z.object({ rows, next: z.int() }), 'Rows of `metrics.jsonl`.'),
})

const samples = createRoute({
  method: 'get',
  path: '/api/runs/{name}/samples',
  summary: 'What a stage wrote, of one step or of the last ones',
  tags,
  request: {
    params,
    query: z.object({
      stage,
      step: wholeNumber.optional(),
      limit: z.coerce.number().int().min(1).max(1000).optional(),
    }),
  },
  responses: json(z.object({ rows }), 'Rows of `samples.jsonl`.'),
})

const follow = createRoute({
  method: 'get',
  path: '/api/runs/{name}/events',
  summary: 'What happens in a run, as its files grow',
  tags,
  request: { params },
  responses: events('`{ type: "metrics" | "status", stage, rows }`'),
})

const tell = createRoute({
  method: 'post',
  path: '/api/runs',
  summary: 'Tell the server how a run stands, wherever its folder is',
  description: '`r1 run` does so. Only administrators may: the server reads the folder from then on.',
  tags,
  request: {
    body: body(
      z.object({
        folder: z.string().min(1).max(4096),
        name: z.string().min(1).max(100),
        status,
        details: z.record(z.string(), z.json().openapi({ type: 'object' })).nullish(),
      }),
    ),
  },
  responses: json(z.object({ name: z.string(), status }), 'It is known.'),
})

/** `/api/runs`: the folders that `r1 run` writes, which belong to whoever runs the server. */
export function runRoutes(app: ServeApp, context: ServeContext): void {
  const runs = new ToldRuns(context.config.runs, context.store.runs)
  const stageFolder = async (name: string, stage: string) => inside(await runs.rootOf(name), name, stage)
  app.openapi(list, async (c) => c.json({ items: open(await runs.list()) }, 200))
  app.openapi(read, async (c) => c.json(open(await runs.read(c.req.valid('param').name)), 200))
  app.openapi(tell, async (c) => {
    const { folder, name, status: state, details = null } = c.req.valid('json')
    if (!isName(name) || !isAbsolute(folder) || basename(folder) !== name) {
      throw new BadRequest('folder: must be the absolute path of a folder that is called as the run.', 'folder')
    }
    const { user } = c.var.caller
    await context.store.runs.record({ folder: resolve(folder), user, name, status: state, details })
    return c.json({ name, status: state }, 200)
  })
  app.openapi(metrics, async (c) => {
    const { stage: name, after = 0 } = c.req.valid('query')
    const folder = await stageFolder(c.req.valid('param').name, name)
    const page = await readRows(await fileIn(folder, 'metrics.jsonl'), after)
    return c.json(open(page), 200)
  })
  app.openapi(samples, async (c) => {
    const { stage: name, step, limit = 50 } = c.req.valid('query')
    const folder = await stageFolder(c.req.valid('param').name, name)
    const fits = (row: Readonly<Record<string, unknown>>) => step === undefined || row.step === step
    return c.json({ rows: open(await lastRows(await fileIn(folder, 'samples.jsonl'), fits, limit)) }, 200)
  })
  app.openapi(follow, async (c) => {
    const { name } = c.req.valid('param')
    const root = await runs.rootOf(name)
    return watch(context, c.req.raw.signal, async function* (signal) {
      const isClosed = () => context.admission.isClosed
      for await (const event of followRun(root, name, signal, isClosed)) yield JSON.stringify(event)
    })
  })
}

/** A file of a stage; a path where nothing lies for one that is not there or is a link that leads elsewhere. */
async function fileIn(folder: string, name: string): Promise<string> {
  return inside(folder, name).catch(() => resolve(folder, name, 'missing'))
}

type Open<Value> = Value extends readonly (infer Item)[]
  ? Open<Item>[]
  : Value extends object
    ? { -readonly [Key in keyof Value]: Open<Value[Key]> }
    : Value

/** What is read-only for us, as routes declare their answers. */
function open<Value>(value: Value): Open<Value> {
  return value as Open<Value>
}
