import { beforeAll, describe, expect, it } from 'vitest'
import { packageVersion } from '../serve/observe/version.ts'
import { buildCommand, runCommand } from './testing/command.ts'

beforeAll(buildCommand)

describe('r1', () => {
  it('prints its version', () => {
    expect(runCommand(['--version'])).toEqual({ status: 0, stdout: `${packageVersion()}\n`, stderr: '' })
  })

  it('explains itself and each verb with an example', () => {
    const { status, stdout } = runCommand(['--help'])
    expect(status).toBe(0)
    const verbs = [...stdout.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name ?? '')
    expect(verbs).toContain('doctor')
    for (const words of [[], ...verbs.map((verb) => [verb])]) {
      const help = runCommand([...words, '--help'])
      expect(help.status).toBe(0)
      expect(help.stdout).toMatch(new RegExp(`Examples?:\\n {2}r1 ${words.join(' ')}`))
    }
  })

  it.each([
    { words: ['doctr'], said: /unknown command 'doctr'[\s\S]*Did you mean doctor/ },
    { words: ['doctor', '--loud'], said: /unknown option '--loud'/ },
    { words: ['doctor', 'twice'], said: /too many arguments/ },
  ])('refuses $words with a sentence', ({ words, said }) => {
    const { status, stdout, stderr } = runCommand(words)
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(said)
    expect(stderr).not.toContain(' at ')
  })
})

describe('r1 doctor', () => {
  it('tells people what it found', () => {
    const { status, stdout, stderr } = runCommand(['doctor'])
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(stdout).toMatch(/✔ processor +\S.*core/)
    expect(stdout).toContain(process.versions.node)
    expect(stdout).not.toContain('\u001b[')
  })

  it('colours its marks when asked to', () => {
    expect(runCommand(['doctor'], { NO_COLOR: '', FORCE_COLOR: '1' }).stdout).toContain('\u001b[32m✔')
  })

  it('tells programs the same', () => {
    const { status, stdout, stderr } = runCommand(['doctor', '--json'])
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const examination = JSON.parse(stdout)
    expect(examination).toMatchObject({
      version: packageVersion(),
      ok: true,
      findings: {
        processor: { facts: { architecture: process.arch } },
        memory: { facts: { available_bytes: expect.any(Number) } },
        node: { status: 'good', facts: { version: process.versions.node } },
        onnxruntime: { status: 'good', facts: { version: expect.stringMatching(/^1\.\d+\.\d+$/) } },
        kernels: { facts: { operators: expect.any(Array) } },
        webgpu: { facts: { available: expect.any(Boolean) } },
      },
    })
  })

  it('fails when something is in the way, and still finds everything else', () => {
    const { status, stdout, stderr } = runCommand(['doctor'], { R1_ONNXRUNTIME: '/nowhere/libonnxruntime.so' })
    expect(stderr).toBe('')
    expect(status).toBe(1)
    expect(stdout).toMatch(/✘ onnxruntime +R1_ONNXRUNTIME names .*nowhere/)
    expect(stdout).toMatch(/✔ node/)
  })

  it('measures a training step in a process of its own', () => {
    const { status, stdout, stderr } = runCommand(['bench', 'train', '--config', 'a', '--steps', '1', '--json'])
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const [row] = JSON.parse(stdout) as [Record<string, unknown>]
    expect(row).toMatchObject({ config: 'a', precision: 'f32', parameters: 4262144 })
    for (const name of [
      'tokens_per_second',
      'gflops',
      'fraction_of_gemm',
      'ms_per_step',
      'compile_ms',
      'peak_rss_mb',
    ]) {
      expect(row[name]).toBeGreaterThan(0)
    }
  })
})
