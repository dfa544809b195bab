import type { Command } from 'commander'
import type { KeysClient, ListedKey } from '../../serve/access/keys-client.ts'
import { createVerb, createVerbGroup, printResult } from '../verb.ts'
import { parseWhole } from '../whole-number.ts'

interface KeysValues {
  json?: boolean
  data?: string
}

interface CreateValues extends KeysValues {
  user: string
  admin?: boolean
  requests?: number
  tokens?: number
}

const loadKeys = () => import('../../serve/access/keys-client.ts')

async function withKeys<Result>({ data }: KeysValues, work: (keys: KeysClient) => Promise<Result>): Promise<Result> {
  const { openKeys } = await loadKeys()
  const { keys, close } = await openKeys(data)
  try {
    return await work(keys)
  } finally {
    await close()
  }
}

/** `r1 keys`: keys of the server's API, also while it runs. */
export function keys(): Command {
  return createVerbGroup({
    name: 'keys',
    summary: "Make, list and remove keys of the server's API.",
    examples: [
      ['r1 keys create laptop --user me', 'a key, shown this once'],
      ['r1 keys list', 'all keys, without their secrets'],
      ['r1 keys remove 5f0c', 'the key whose id begins so'],
    ],
  })
    .addCommand(create())
    .addCommand(list())
    .addCommand(remove())
}

const withData = (verb: Command) => verb.option('--data <folder>', 'folder of the database')

function create(): Command {
  const verb = createVerb({
    name: 'create',
    summary: 'Make a key; from then on the server asks for one.',
    examples: [['r1 keys create laptop --user me --requests 60', 'at most 60 requests a minute']],
  })
    .argument('[name]', 'what it is for', '')
    .option('--user <name>', 'whose conversations it opens', 'local')
    .option('--admin', 'may also manage keys and models')
    .option('--requests <n>', 'requests a minute', parseWhole)
    .option('--tokens <n>', 'tokens a minute', parseWhole)
  return withData(verb).action(async (name: string, values: CreateValues) => {
    const { user, admin, requests, tokens } = values
    const made = await withKeys(values, (keys) =>
      keys.create({
        user,
        name,
        admin: admin ?? false,
        requestsPerMinute: requests ?? null,
        tokensPerMinute: tokens ?? null,
      }),
    )
    printResult(made, values.json, ({ secret }) => `${secret}\n(It is not shown again.)`)
  })
}

function list(): Command {
  const verb = createVerb({ name: 'list', summary: 'List the keys.', examples: [['r1 keys list', 'all keys']] })
  return withData(verb).action(async (values: KeysValues) => {
    const all = await withKeys(values, (keys) => keys.list())
    printResult(all, values.json, (found) => (found.length === 0 ? 'There are no keys.' : found.map(lineOf).join('\n')))
  })
}

function lineOf({ id, prefix, user, name, admin, requestsPerMinute, tokensPerMinute }: ListedKey): string {
  const limits = [
    ...(requestsPerMinute === null ? [] : [`${requestsPerMinute} requests/min`]),
    ...(tokensPerMinute === null ? [] : [`${tokensPerMinute} tokens/min`]),
  ]
  return [id, `${prefix}…`, user, ...(name === '' ? [] : [name]), ...(admin ? ['admin'] : []), ...limits].join('  ')
}

function remove(): Command {
  const verb = createVerb({
    name: 'remove',
    summary: 'Remove a key.',
    examples: [['r1 keys remove 5f0c', 'the key whose id begins so']],
  }).argument('<id>', 'its id, or the beginning of it')
  return withData(verb).action(async (id: string, values: KeysValues) => {
    const removed = await withKeys(values, async (keys) => {
      const { oneOf } = await loadKeys()
      const key = oneOf(await keys.list(), id)
      await keys.remove(key.id)
      return key
    })
    printResult(removed, values.json, ({ prefix, user }) => `Removed ${prefix}… of ${user}.`)
  })
}
