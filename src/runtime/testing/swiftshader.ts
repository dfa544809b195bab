import { existsSync } from 'node:fs'
import { koffi } from '../ort/ffi.ts'

/** Where Debian's package chromium keeps a Vulkan driver that needs no GPU, and the Vulkan loader it goes with. */
const driver = '/usr/lib/chromium/vk_swiftshader_icd.json'
const loader = '/usr/lib/chromium/libvulkan.so.1'

/** Kept for the life of the process: koffi unloads a library whose handle is collected. */
const handles: unknown[] = []

/**
 * Points this process's WebGPU at SwiftShader, before anything uses WebGPU.
 *
 * @returns why that cannot be, or undefined
 */
export function missingSwiftShader(): string | undefined {
  if (!existsSync(driver) || !existsSync(loader))
    return `WebGPU is not tested: ${driver} is missing (Debian: apt-get install chromium)`
  process.env.VK_DRIVER_FILES ??= driver
  // Loaded under its name once, it is found by that name outside the system's folders too.
  handles.push(koffi.load(loader))
  return undefined
}
