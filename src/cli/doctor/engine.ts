import { existsSync } from 'node:fs'
import { devices } from '../../runtime/device.ts'
import type { Finding } from './finding.ts'
import { type ProbeOutcome, runProbe } from './run-probe.ts'

export interface RuntimeFacts {
  version: string | null
  /** Path of the library. */
  library: string | null
  /** What the library was built with, in ONNX Runtime's names. */
  providers: readonly string[]
}

export interface KernelFacts {
  /** Path of the library. */
  library: string | null
  /** The instruction set its kernels use here. */
  instructions: string | null
  operators: string[]
  /** Why this instruction set, or why there is no library. */
  reason: string
  /** Which matrix products the kernels take, and how that was decided; null where there are no kernels. */
  products: string | null
}

export interface WebGpuFacts {
  available: boolean
  /** Why it is not available, in the words of the runtime and the driver. */
  reason: string | null
}

/** Debian's chromium brings this software adapter; other systems have no common place for one. */
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json'

/** Of the providers the library was built with, those this package runs on, by its own names for them. */
function devicesOf(providers: readonly string[]): string[] {
  const built = new Set(providers.map((provider) => provider.replace('ExecutionProvider', '').toLowerCase()))
  return devices.filter((device) => built.has(device))
}

/** Tries to load ONNX Runtime. Without it nothing runs. */
export async function examineRuntime(outcome?: ProbeOutcome<'runtime'>): Promise<Finding<RuntimeFacts>> {
  const probed = outcome ?? (await runProbe('runtime'))
  if ('facts' in probed) {
    const { version, providers } = probed.facts
    return { status: 'good', summary: `${version} · ${devicesOf(providers).join(' ')}`, facts: probed.facts }
  }
  return {
    status: 'problem',
    summary: probed.failure,
    remedy: probed.code === 'crashed' ? 'Reinstall the package: its library of ONNX Runtime is damaged.' : undefined,
    facts: { version: null, library: null, providers: [] },
  }
}

/** Looks for the native kernels. Without them everything runs, slower. */
export async function examineKernels(outcome?: ProbeOutcome<'kernels'>): Promise<Finding<KernelFacts>> {
  const probed = outcome ?? (await runProbe('kernels'))
  const facts =
    'facts' in probed
      ? probed.facts
      : { library: null, instructions: null, operators: [], reason: probed.failure, products: null }
  if (facts.library !== null) {
    return { status: 'good', summary: `${facts.operators.length} operators on ${facts.instructions}`, facts }
  }
  return { status: 'notice', summary: facts.reason, remedy: 'Everything works without them, slower.', facts }
}

/** Says which matrix products are the kernels' and which ONNX Runtime's. */
export function examineProducts({ library, products }: KernelFacts): Finding {
  const summary = library === null || products === null ? 'all by ONNX Runtime' : products
  const remedy = /shipped|nothing was measured/.test(summary) ? '`r1 bench gemm` measures this machine.' : undefined
  return { status: 'good', summary, remedy, facts: { products: summary } }
}

/** Runs a small graph on WebGPU. Without it everything runs on the processor. */
export async function examineWebGpu(outcome?: ProbeOutcome<'webgpu'>): Promise<Finding<WebGpuFacts>> {
  const probed = outcome ?? (await runProbe('webgpu'))
  if ('facts' in probed) {
    const chosen = process.env.VK_DRIVER_FILES
    const summary = chosen === undefined ? 'an adapter works' : `an adapter works (VK_DRIVER_FILES=${chosen})`
    return { status: 'good', summary, facts: { available: true, reason: null } }
  }
  const reason = [probed.failure, probed.details].join('\n').trim()
  const { summary, remedy } = probed.code === 'crashed' ? driverCrash : explainNoAdapter(reason)
  return { status: 'notice', summary, remedy, facts: { available: false, reason } }
}

const driverCrash = {
  summary: 'the driver of the adapter crashed',
  remedy: 'Update the driver of the graphics card; the processor does without.',
}

function explainNoAdapter(words: string): { summary: string; remedy: string } {
  if (/libvulkan\S*: cannot open/.test(words)) {
    return {
      summary: 'no adapter: the Vulkan loader is not installed',
      remedy:
        'With a graphics card, install the Vulkan loader (Debian: libvulkan1) and the driver of the card; the processor does without.',
    }
  }
  if (/No supported adapters/.test(words)) {
    const software = existsSync(swiftShader) ? ` To try WebGPU in software, set VK_DRIVER_FILES=${swiftShader}.` : ''
    return {
      summary: 'no adapter found',
      remedy: `With a graphics card, install its Vulkan driver; the processor does without.${software}`,
    }
  }
  return { summary: words.split('\n')[0] ?? '', remedy: 'Everything works on the processor.' }
}
