import { basename, resolve } from 'node:path'
import { R1Error } from '../../errors.ts'
import type { ServeConfig } from '../config/schema.ts'
import { loadServedModel } from './load-model.ts'
import type { ModelSource } from './pool.ts'

/**
 * The models that a configuration names: `name=path`, or a path or a name on the hub whose last part is the name.
 *
 * @param shipped folder of the model that is served where none is named
 * @throws R1Error `bad-config` for two models of one name
 */
export function modelSources(config: ServeConfig, shipped: () => string): ModelSource[] {
  const named = (config.model.length > 0 ? config.model : [shipped()]).map(nameAndPath)
  const ids = new Set<string>()
  for (const { id } of named) {
    if (ids.has(id)) {
      throw new R1Error('bad-config', `Two models would both be called ${id}.`, {
        remedy: 'Name them: --model small=./a.gguf --model large=./b.gguf.',
      })
    }
    ids.add(id)
  }
  return named.map(({ id, path }) => ({ id, load: (signal) => loadServedModel(id, path, config, signal) }))
}

function nameAndPath(text: string): { id: string; path: string } {
  const at = text.indexOf('=')
  if (at > 0 && !/[/\\]/.test(text.slice(0, at))) return { id: text.slice(0, at), path: text.slice(at + 1) }
  const name = basename(resolve(text)).replace(/\.(gguf|safetensors)$/i, '')
  // A name on the hub stays as it is.
  return {
    id: /^[^./\\~][^/\\]*\/[^/\\]+$/.test(text) && !/\.(gguf|safetensors)$/i.test(text) ? text : name,
    path: text,
  }
}
