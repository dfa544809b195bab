import type { z } from 'zod'
import { R1Error } from '../../errors.ts'

type Issue = z.core.$ZodIssue

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value)
}

function quoted(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 60)
}

/** A value of the right type that this package has no form for. */
function isUnsupported({ code }: Issue): boolean {
  return code === 'invalid_value' || code === 'invalid_union' || code === 'custom'
}

function configError(issue: Issue, raw: unknown, modelType: string): R1Error {
  const key = issue.path.join('.')
  const found = valueAt(raw, issue.path)
  const allowed = issue.code === 'invalid_value' ? ` Supported: ${issue.values.map(quoted).join(', ')}.` : ''
  if (found !== undefined && isUnsupported(issue)) {
    const detail = issue.code === 'custom' ? ` ${issue.message}.` : allowed
    return new R1Error('unsupported-model', `This ${modelType} model has ${key} ${quoted(found)}.${detail}`, {
      remedy: 'Use a checkpoint of a plain configuration of this family.',
    })
  }
  const what = found === undefined ? `${key} is missing` : `${key} is ${quoted(found)}: ${issue.message}`
  return new R1Error('bad-config', `In the config.json of this ${modelType} model ${what}.`, {
    remedy: 'Fetch the checkpoint again from its source, or mend its config.json.',
  })
}

/**
 * Checks a config.json against a family's schema. Keys that the schema does not know are nobody's business.
 *
 * @throws R1Error `bad-config` for a key that is missing or of a wrong type, `unsupported-model` for a value without a form here
 */
export function checkConfig<Schema extends z.ZodType>(schema: Schema, raw: unknown, modelType: string) {
  const result = schema.safeParse(raw)
  if (result.success) return result.data
  throw configError(result.error.issues[0] as Issue, raw, modelType)
}
