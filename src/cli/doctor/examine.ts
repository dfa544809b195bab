import { packageVersion } from '../../serve/observe/version.ts'
import { examineKernels, examineProducts, examineRuntime, examineWebGpu } from './engine.ts'
import type { Finding } from './finding.ts'
import { type Capacity, capacities } from './fits.ts'
import { examineMemory } from './memory.ts'
import { examineNode } from './node.ts'
import { examineProcessor } from './processor.ts'

/** All that the doctor found. */
export interface Examination {
  version: string
  /** True when nothing is in the way. */
  ok: boolean
  findings: Record<string, Finding>
  capacities: Capacity[]
}

/** Examines this machine: what is there, what is missing, and what it can hold. */
export async function examine(): Promise<Examination> {
  const memory = examineMemory()
  const [processor, runtime, kernels, webgpu] = await Promise.all([
    examineProcessor(),
    examineRuntime(),
    examineKernels(),
    examineWebGpu(),
  ])
  const findings: Record<string, Finding> = {
    processor,
    memory,
    node: examineNode(),
    onnxruntime: runtime,
    kernels,
    products: examineProducts(kernels.facts),
    webgpu,
  }
  return {
    version: packageVersion(),
    ok: Object.values(findings).every(({ status }) => status !== 'problem'),
    findings,
    capacities: capacities(memory.facts.available_bytes),
  }
}
