import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { R1Error } from '../../errors.ts'
import type { ServeEnv } from '../context.ts'
import { BadRequest } from './failure.ts'
import { jsonDepth } from './json-depth.ts'

const deepest = 64

/** Refuses bodies that are larger than so many bytes, however they are announced. */
export function sizeGuard(bytes: number): MiddlewareHandler<ServeEnv> {
  return bodyLimit({
    maxSize: bytes,
    onError: () => {
      throw new R1Error('body-too-large', `A request may have at most ${bytes} bytes.`, { remedy: 'Send less.' })
    },
  })
}

/** Refuses bodies that are compressed or no JSON object, or nest too deep, before anything walks through them. */
export const jsonGuard: MiddlewareHandler<ServeEnv> = async ({ req }, next) => {
  if (req.method !== 'POST' && req.method !== 'PATCH') return await next()
  const encoding = req.header('content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    // Nothing is unpacked here, so that no small body becomes a large one.
    throw new R1Error('bad-media-type', 'The body is compressed.', { remedy: 'Send it without content-encoding.' })
  }
  const type = req.header('content-type')
  const text = await req.text()
  if (text === '') return await next()
  if (type === undefined || !/^application\/([a-z0-9.+-]+\+)?json\b/i.test(type)) {
    throw new R1Error('bad-media-type', 'The body must be JSON.', { remedy: 'Send content-type: application/json.' })
  }
  if (jsonDepth(text, deepest) > deepest) {
    throw new BadRequest(`The body nests more than ${deepest} deep.`, null, 'Flatten it.')
  }
  try {
    JSON.parse(text)
  } catch {
    throw new BadRequest('The body is no valid JSON.', null, 'Check quotes, commas and brackets.')
  }
  await next()
}
