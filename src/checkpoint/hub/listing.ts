import { R1Error } from '../../errors.ts'
import { hubFailure } from './failure.ts'
import { checkRelativePath, type HubReference } from './names.ts'
import type { HubSettings } from './settings.ts'

/** A file of a model on the hub. */
export interface HubFile {
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** SHA-256 of a large file's content, or git's SHA-1 of a small one's; names it in the cache too. */
  readonly hash: string
}

/** What a revision of a model consists of. */
export interface HubListing {
  /** The commit that the revision stands for. */
  readonly commit: string
  readonly files: readonly HubFile[]
}

/** Most files that are listed; real models have fewer than a thousand. */
const fileLimit = 20_000

/** A fetch that stops with the signal and gives the token to the hub alone. */
export function hubFetch(settings: HubSettings, signal?: AbortSignal): typeof fetch {
  const { origin } = new URL(settings.endpoint)
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const headers = new Headers(init?.headers)
    if (settings.token !== undefined && url.origin === origin) headers.set('Authorization', `Bearer ${settings.token}`)
    return fetch(url, { ...init, headers, ...(signal && { signal }) })
  }
}

const hexadecimal = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

function badAnswer(found: string): R1Error {
  return new R1Error('hub-unavailable', `The hub's answer is not understood: ${found}.`, {
    remedy: 'Check HF_ENDPOINT.',
  })
}

interface ListedFile {
  readonly path: string
  readonly size: number
  readonly oid?: string
  readonly lfs?: { readonly oid: string; readonly size: number }
}

function checkFile({ path, size, oid, lfs }: ListedFile): HubFile {
  if (typeof path !== 'string') throw badAnswer('a file without a path')
  checkRelativePath(path)
  const hash = lfs?.oid ?? oid
  const bytes = lfs?.size ?? size
  if (typeof hash !== 'string' || !hexadecimal.test(hash)) throw badAnswer(`${path} has no usable hash`)
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw badAnswer(`${path} has no usable size`)
  return { path, size: bytes, hash }
}

/** Asks the hub what a revision of a model consists of. @throws R1Error 'hub-…', 'unsafe-path' */
export async function listModel(
  reference: HubReference,
  settings: HubSettings,
  signal?: AbortSignal,
): Promise<HubListing> {
  const { model, revision } = reference
  const request = { hubUrl: settings.endpoint, fetch: hubFetch(settings, signal) }
  // Large, and no model that lies here needs it.
  const { listFiles, modelInfo } = await import('@huggingface/hub')
  try {
    const { sha } = await modelInfo({ ...request, name: model, revision, additionalFields: ['sha'] })
    if (typeof sha !== 'string' || !/^[0-9a-f]{40}$/.test(sha)) throw badAnswer('it names no commit')
    const files: HubFile[] = []
    for await (const entry of listFiles({
      ...request,
      repo: { type: 'model', name: model },
      revision: sha,
      recursive: true,
    })) {
      if (entry.type === 'file') files.push(checkFile(entry))
      if (files.length > fileLimit) throw badAnswer(`it lists more than ${fileLimit} files`)
    }
    return { commit: sha, files }
  } catch (error) {
    signal?.throwIfAborted()
    throw hubFailure(error, `${model}@${revision}`)
  }
}
