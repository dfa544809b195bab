import { readTextFile } from './text-files.ts'

/** The block between `---` lines at the head of a model card. */
const frontMatter = /^---\r?\n([\s\S]{0,65536}?)\r?\n---/

/** The licence that a checkpoint folder's README.md states in its front matter, such as "apache-2.0". */
export async function readLicence(folder: string): Promise<string | undefined> {
  const card = frontMatter.exec((await readTextFile(folder, 'README.md')) ?? '')?.[1]
  const value = card === undefined ? undefined : /^license:[ \t]*["']?([\w.+-]{1,64})/m.exec(card)?.[1]
  return value
}
