import { R1Error } from '../../errors.ts'
import { unsafePath } from '../failure.ts'

/** A model on the hub and the revision of it that is wanted. */
export interface HubReference {
  /** "owner/name", or "name" for the hub's oldest models. */
  readonly model: string
  /** Branch, tag or commit. */
  readonly revision: string
}

const part = '[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?'
const modelName = new RegExp(`^(?:${part}/)?${part}$`)

/** True for what could be a hub id: one or two names, no folders. */
export function isHubId(text: string): boolean {
  return modelName.test(text.split('@')[0] ?? '') && !text.includes('..') && !text.includes('--')
}

/** Reads "owner/name" or "owner/name@revision". @throws R1Error 'bad-option' */
export function parseHubReference(text: string, revision?: string): HubReference {
  const at = text.indexOf('@')
  const model = at === -1 ? text : text.slice(0, at)
  if (!isHubId(model)) {
    throw new R1Error('bad-option', `${JSON.stringify(text)} is no id of a model on the hub.`, {
      remedy: 'An id looks like owner/name.',
    })
  }
  const wanted = revision ?? (at === -1 ? 'main' : text.slice(at + 1))
  checkRelativePath(wanted)
  return { model, revision: wanted }
}

/** Refuses a path of a repository that would leave the folder it is put into. @throws R1Error 'unsafe-path' */
export function checkRelativePath(path: string): void {
  const segments = path.split('/')
  const bad = segments.some((segment) => segment === '' || segment === '.' || segment === '..' || segment.length > 255)
  if (bad || /[\\:\0]/.test(path) || path.length > 1024) throw unsafePath(path.slice(0, 200), 'leads out of its folder')
}
