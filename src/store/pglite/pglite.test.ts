import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openStore } from '../open.ts'
import { describeStore } from '../testing/contract.ts'

const data = await mkdtemp(join(tmpdir(), 'r1-store-'))
afterAll(() => rm(data, { recursive: true, force: true }))

describeStore('PGlite', () => openStore({ data, url: null }))
