import { randomUUID } from 'node:crypto'
import { link, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type OwnerRecord, recordSchema } from './record.ts'

/*
 * Each owner of a folder has a file of its own, `1.json`, `2.json`, …, and the highest number counts. To take the folder
 * over from an owner that is gone is to make the next file, whole and only if it is not there: of any number of processes
 * that try, one succeeds. Whoever made one looks again whether it is the highest, and gives way if not. The highest file is
 * never removed, also not by an owner who leaves: a process that saw an older state and makes the file of a number that was
 * used before finds the higher one.
 */

/** The highest owner's file. */
export interface Generation {
  readonly number: number
  readonly record: OwnerRecord
  /** When it last gave a sign of life: it changes as long as the owner runs. */
  readonly touched: number
}

const fileOf = (folder: string, number: number): string => join(folder, `${number}.json`)

async function numbersIn(folder: string): Promise<number[]> {
  const names = await readdir(folder)
  return names.map((name) => Number(/^(\d{1,15})\.json$/.exec(name)?.[1] ?? 0)).filter((number) => number > 0)
}

/** The owner's file that counts; undefined in a folder that never had one. */
export async function latest(folder: string): Promise<Generation | undefined> {
  for (;;) {
    const number = Math.max(0, ...(await numbersIn(folder)))
    if (number === 0) return undefined
    const path = fileOf(folder, number)
    try {
      const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')))
      return { number, record, touched: (await stat(path)).mtimeMs }
    } catch (error) {
      // It may have been removed by the owner of a higher one that has come since.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

async function writeWhole(folder: string, record: OwnerRecord): Promise<string> {
  const temporary = join(folder, `.${randomUUID()}.tmp`)
  await writeFile(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600, flag: 'wx', flush: true })
  return temporary
}

/** Makes the file of a number. @returns whether it is this process's, and the one that counts */
export async function claim(folder: string, number: number, record: OwnerRecord): Promise<boolean> {
  const temporary = await writeWhole(folder, record)
  try {
    await link(temporary, fileOf(folder, number))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
  const numbers = await numbersIn(folder)
  if (Math.max(...numbers) > number) {
    await rm(fileOf(folder, number), { force: true })
    return false
  }
  for (const old of numbers) if (old < number) await rm(fileOf(folder, old), { force: true })
  return true
}

/** Puts something else into the file of a number, at once. */
export async function rewrite(folder: string, number: number, record: OwnerRecord): Promise<void> {
  await rename(await writeWhole(folder, record), fileOf(folder, number))
}

export { fileOf }
