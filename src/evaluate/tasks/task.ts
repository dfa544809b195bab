import { z } from 'zod'
import { type Environment, environments, loadEnvironment, type Split } from '../../environments/index.ts'
import { R1Error } from '../../errors.ts'

/** Problems to measure a model on. */
export interface Task {
  /** As it was asked for; results carry it. */
  readonly name: string
  readonly environment: Environment
  readonly split: Split
}

/** A task as a recipe names it. */
export const taskSchema = z.union([
  z.string(),
  z.strictObject({
    name: z.string().optional().describe('The name of its results; the environment without it.'),
    environment: z.string().describe('An environment that comes with the package, or the path of a file.'),
    options: z.record(z.string(), z.unknown()).optional().describe('Options of the environment.'),
    split: z.enum(['train', 'held-out']).default('held-out').describe('Which problems.'),
  }),
])

export type TaskSpecification = z.output<typeof taskSchema>

export interface TaskOptions {
  /** Relative paths begin here. */
  readonly base?: string
  /** Whether the model was made for conversations: then problems come as messages that say how to answer. */
  readonly chats: boolean
}

/** Short names for what is often measured. */
const presets: Readonly<Record<string, { environment: string; options: Readonly<Record<string, unknown>> }>> = {
  'countdown-4': { environment: 'countdown', options: { numbers: 4 } },
  sums: { environment: 'arithmetic', options: { operations: ['+'] } },
  differences: { environment: 'arithmetic', options: { operations: ['-'] } },
  products: { environment: 'arithmetic', options: { operations: ['*'] } },
}

/** The names of all tasks that need no file. */
export const taskNames: readonly string[] = [...environments.keys(), ...Object.keys(presets)]

/**
 * Makes a task ready.
 *
 * @param specification a name such as `countdown`, with options such as `countdown:numbers=4:language=zh`; the path of a file
 *   with an environment; or all of it apart, as in a recipe
 * @throws R1Error `unknown-environment`, `bad-option`, and as {@link loadEnvironment}
 */
export async function openTask(specification: TaskSpecification, { base, chats }: TaskOptions): Promise<Task> {
  const asked = typeof specification === 'string' ? parseTask(specification) : specification
  const preset = presets[asked.environment]
  const environmentName = preset?.environment ?? asked.environment
  const given = { ...preset?.options, ...asked.options }
  const options = hasForm(environmentName) ? { form: chats ? 'chat' : 'text', ...given } : given
  const environment = await loadEnvironment(environmentName, {
    ...(base !== undefined && { base }),
    ...(Object.keys(options).length > 0 && { options }),
  })
  return { name: asked.name ?? asked.environment, environment, split: asked.split ?? 'held-out' }
}

function hasForm(name: string): boolean {
  const schema = environments.get(name)?.options
  return schema instanceof z.ZodObject && 'form' in schema.shape
}

/** Reads `countdown:numbers=4:language=zh`; a path stays whole. */
function parseTask(text: string): Exclude<Partial<TaskSpecification>, string> & { environment: string } {
  if (/[/\\]|\.[cm]?[jt]s$/.test(text)) return { environment: text }
  const [environment = '', ...settings] = text.split(':')
  const options: Record<string, unknown> = {}
  for (const setting of settings) {
    const [key = '', value] = setting.split('=')
    if (key === '' || value === undefined) {
      throw new R1Error('bad-option', `'${setting}' of the task ${text} sets nothing.`, {
        remedy: 'Write options as countdown:numbers=4:language=zh.',
      })
    }
    // A key that comes again makes a list.
    options[key] = key in options ? [options[key], scalar(value)].flat() : scalar(value)
  }
  const { split, ...rest } = options
  if (split !== undefined && split !== 'train' && split !== 'held-out') {
    throw new R1Error('bad-option', `There is no split '${String(split)}'.`, { remedy: 'Use train or held-out.' })
  }
  return { name: text, environment, options: rest, ...(split !== undefined && { split }) }
}

function scalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}
