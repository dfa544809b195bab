import { R1Error } from '../../errors.ts'
import { ModelCache } from './cache.ts'
import { chooseFiles } from './choose.ts'
import { download } from './download.ts'
import { type HubFile, listModel } from './listing.ts'
import { parseHubReference } from './names.ts'
import { type HubSettings, readHubSettings } from './settings.ts'

/** How far a pull is. */
export interface PullProgress {
  /** The file on its way. */
  readonly file: string
  /** Bytes there, of all files together. */
  readonly done: number
  readonly total: number
}

/** Options of {@link pull}. */
export interface PullOptions {
  /** Branch, tag or commit; the default branch without. */
  readonly revision?: string | undefined
  /** Names of files, `*` standing for anything, instead of the usual choice. */
  readonly include?: readonly string[] | undefined
  readonly settings?: HubSettings
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (progress: PullProgress) => void
  /** Milliseconds before the first new attempt after a failure. */
  readonly retryDelay?: number
}

/** A model in the cache. */
export interface PulledModel {
  /** The snapshot's folder, which {@link openCheckpoint} opens. */
  readonly path: string
  readonly model: string
  readonly revision: string
  /** The commit, or undefined where the network was not asked. */
  readonly commit: string | undefined
  readonly files: readonly string[]
  /** Bytes of these files. */
  readonly bytes: number
  /** Bytes that had to be fetched. */
  readonly fetched: number
}

async function fetchFiles(
  model: string,
  commit: string,
  files: readonly HubFile[],
  cache: ModelCache,
  options: PullOptions,
  settings: HubSettings,
) {
  const total = files.reduce((sum, file) => sum + file.size, 0)
  let done = 0
  let fetched = 0
  for (const file of files) {
    const report = (count: number) => {
      done += count
      options.onProgress?.({ file: file.path, done, total })
    }
    if (await cache.has(file.hash, file.size)) report(file.size)
    else {
      const { signal, retryDelay } = options
      await download({
        model,
        commit,
        file,
        target: cache.blob(file.hash),
        settings,
        signal,
        retryDelay,
        onBytes: report,
      })
      fetched += file.size
    }
    await cache.link(commit, file.path, file.hash)
  }
  return { total, fetched }
}

/**
 * Brings a model from the hub into the cache that Hugging Face's tools share. What is there already is not fetched
 * again, what was cut goes on, and every file's hash is checked.
 *
 * @param id "owner/name" or "owner/name@revision"
 * @throws R1Error 'bad-option', 'hub-…', 'hash-mismatch', 'disk-full', 'unsafe-path', 'ambiguous-checkpoint'
 */
export async function pull(id: string, options: PullOptions = {}): Promise<PulledModel> {
  const reference = parseHubReference(id, options.revision)
  const settings = options.settings ?? (await readHubSettings())
  const cache = new ModelCache(settings.cacheFolder, reference.model)
  if (settings.offline) {
    const path = await cache.find(reference)
    if (path !== undefined) return { ...reference, path, commit: undefined, files: [], bytes: 0, fetched: 0 }
    throw new R1Error('hub-offline', `${id} is not in the cache, and HF_HUB_OFFLINE forbids asking the hub.`, {
      remedy: 'Unset HF_HUB_OFFLINE.',
    })
  }
  const listing = await listModel(reference, settings, options.signal)
  const files = chooseFiles(listing.files, options.include)
  await cache.prepare()
  const { total, fetched } = await fetchFiles(reference.model, listing.commit, files, cache, options, settings)
  await cache.remember(reference, listing.commit)
  const path = cache.snapshot(listing.commit)
  return { ...reference, path, commit: listing.commit, files: files.map((file) => file.path), bytes: total, fetched }
}
