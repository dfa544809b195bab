import { R1Error } from '../errors.ts'

/** Where an array lies and where a session runs. */
export type Device = 'cpu' | 'webgpu'

/** All devices, the one that is always there first. */
export const devices: readonly Device[] = ['cpu', 'webgpu']

/**
 * `name` as a device.
 *
 * @throws R1Error `unknown-device`
 */
export function parseDevice(name: string): Device {
  const device = devices.find((known) => known === name)
  if (device === undefined)
    throw new R1Error('unknown-device', `There is no device '${name}'.`, {
      remedy: `Use one of ${devices.join(', ')}.`,
    })
  return device
}
