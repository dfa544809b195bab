import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { compileLibrary, hasCompiler } from '../testing/compile.ts'
import { failure } from '../testing/failure.ts'
import { runtime } from './api.ts'
import { functions } from './functions.ts'
import { runtimeInformation } from './information.ts'
import { loadRuntime } from './library.ts'
import { locateRuntime } from './location.ts'
import { selfTest } from './self-test.ts'
import { statusError } from './status.ts'

const folder = mkdtempSync(join(tmpdir(), 'r1-runtime-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the runtime', () => {
  it('is the one of the installed package, and passes its own test', () => {
    const { version, library, providers } = runtimeInformation()
    expect(version).toMatch(/^1\.\d+\.\d+$/)
    expect(library).toContain('onnxruntime-node')
    expect(providers).toContain('CPUExecutionProvider')
    expect(() => selfTest(runtime())).not.toThrow()
  })

  it('is loaded once', () => {
    expect(runtime()).toBe(runtime())
  })

  it('has a place of its own for every function', () => {
    const slots = Object.values(functions).map(({ slot }) => slot)
    expect(new Set(slots).size).toBe(slots.length)
  })

  it('fails its own test when its results are wrong', async () => {
    const library = runtime()
    const broken = { ...library, api: { ...library.api, Run: () => undefined } }
    expect(await failure(() => selfTest(broken))).toMatchObject({
      code: 'runtime-unusable',
      message: expect.stringMatching(/gave 0, 0, 0 for 2, 6, -0.25/),
    })
  })
})

describe('a runtime that cannot be used', () => {
  it('is missing', async () => {
    const error = await failure(() => locateRuntime({ R1_ONNXRUNTIME: join(folder, 'none.so') }))
    expect([error.code, error.message]).toEqual(['runtime-missing', expect.stringMatching(/R1_ONNXRUNTIME.*none\.so/)])
    expect((await failure(() => loadRuntime(join(folder, 'none.so')))).code).toBe('runtime-unusable')
  })

  it('is a folder, a text, or empty', async () => {
    const [text, empty] = [join(folder, 'text.so'), join(folder, 'empty.so')]
    writeFileSync(text, 'This is not a library. '.repeat(100))
    writeFileSync(empty, '')
    for (const path of [folder, text, empty]) {
      const error = await failure(() => loadRuntime(locateRuntime({ R1_ONNXRUNTIME: path })))
      expect([error.code, error.remedy]).toEqual(['runtime-unusable', expect.stringMatching(/R1_ONNXRUNTIME/)])
    }
  })

  it.runIf(process.platform === 'linux')('is cut off, which would end the process if it were loaded', async () => {
    const path = join(folder, 'cut.so')
    copyFileSync(runtime().path, path)
    for (const length of [20_000_000, 3000, 100, 40]) {
      truncateSync(path, length)
      expect((await failure(() => loadRuntime(path))).code).toBe('runtime-unusable')
    }
  })

  it.runIf(process.platform === 'linux')('is built for another processor', async () => {
    const path = join(folder, 'other.so')
    copyFileSync(runtime().path, path)
    const file = openSync(path, 'r+')
    writeSync(file, Uint8Array.of(8, 0), 0, 2, 18) // MIPS
    closeSync(file)
    expect((await failure(() => loadRuntime(path))).message).toMatch(/another processor/)
  })

  describe.skipIf(!hasCompiler)('is another library (needs a C compiler)', () => {
    it('that is not ONNX Runtime', async () => {
      const path = compileLibrary(join(folder, 'foreign.so'), 'int answer(void) { return 42; }')
      const error = await failure(() => loadRuntime(path))
      expect([error.code, error.message]).toEqual(['runtime-unusable', expect.stringMatching(/OrtGetApiBase/)])
    })

    it.each(['1.17.3', '2.0.0', '1.24.0', 'garbage', ''])('of version %j', async (version) => {
      const path = compileLibrary(
        join(folder, `version-${version}.so`),
        `static const void *get_api(unsigned version) { return 0; }
         static const char *get_version(void) { return "${version}"; }
         static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = { get_api, get_version };
         const void *OrtGetApiBase(void) { return &base; }`,
      )
      const error = await failure(() => loadRuntime(path))
      expect([error.code, error.message]).toEqual([
        'runtime-version',
        expect.stringContaining(`ONNX Runtime ${version}`),
      ])
    })
  })
})

describe('a status of ONNX Runtime', () => {
  it('becomes an error with a stable code', () => {
    expect(statusError(3, 'Load model failed').code).toBe('model-missing')
    expect(statusError(9, 'Could not find an implementation for Erf(13)').code).toBe('unsupported-operator')
    expect(statusError(6, 'std::bad_alloc').code).toBe('out-of-memory')
    expect(statusError(1, 'Failed to allocate memory for requested buffer of size 4').code).toBe('out-of-memory')
    expect(statusError(77, 'something new')).toMatchObject({
      code: 'runtime-failed',
      message: 'ONNX Runtime: something new.',
    })
  })
})
