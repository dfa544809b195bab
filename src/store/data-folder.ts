import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * The folder of the user's data.
 *
 * @param chosen what the user asked for; `R1_DATA`, or a folder of the home directory without it
 */
export function dataFolder(chosen?: string): string {
  const named = chosen || process.env.R1_DATA
  if (named) return resolve(named)
  if (process.platform === 'win32' && process.env.LOCALAPPDATA) return join(process.env.LOCALAPPDATA, 'deepseek-r1')
  return join(process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'deepseek-r1')
}
