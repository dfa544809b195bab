import { createRequire } from 'node:module'
import type { Finding } from './finding.ts'

export interface NodeFacts {
  version: string
  platform: string
  required: string
}

/** Looks at Node: whether it is new enough for this package. */
export function examineNode(version = process.versions.node): Finding<NodeFacts> {
  const manifest = createRequire(import.meta.url)('deepseek-r1/package.json') as { engines: { node: string } }
  const required = manifest.engines.node
  const platform = `${process.platform}-${process.arch}`
  const facts = { version, platform, required }
  if (isAtLeast(version, required.replace('>=', '')))
    return { status: 'good', summary: `${version} on ${platform}`, facts }
  return {
    status: 'problem',
    summary: `${version} is older than this package needs`,
    remedy: `Install Node ${required.replace('>=', '')} or newer.`,
    facts,
  }
}

function isAtLeast(version: string, floor: string): boolean {
  const have = version.split('.').map(Number)
  for (const [index, needed] of floor.split('.').map(Number).entries()) {
    const part = have[index] ?? 0
    if (part !== needed) return part > needed
  }
  return true
}
