import { describe, expect, it } from 'vitest'
import { examineKernels, examineRuntime, examineWebGpu } from './engine.ts'

const crash = { failure: 'The process that tried it ended with SIGSEGV.', code: 'crashed', details: '' }

describe('onnxruntime', () => {
  it('is a problem when it cannot be loaded, with the words of whoever tried', async () => {
    const failure = 'ONNX Runtime is not installed. Run it.'
    const finding = await examineRuntime({ failure, code: 'runtime-missing', details: '' })
    expect(finding).toMatchObject({ status: 'problem', summary: failure, facts: { version: null } })
    expect(await examineRuntime(crash)).toMatchObject({
      status: 'problem',
      remedy: expect.stringMatching(/^Reinstall/),
    })
  })
})

describe('kernels', () => {
  it('are worth a notice when they are missing, with the reason', async () => {
    const facts = { library: null, instructions: null, operators: [], reason: 'switched off by R1_KERNELS' }
    expect(await examineKernels({ facts })).toMatchObject({ status: 'notice', summary: facts.reason })
    expect(await examineKernels(crash)).toMatchObject({ status: 'notice', summary: crash.failure })
  })

  it('are counted when they are there', async () => {
    const facts = {
      library: '/lib/r1.so',
      instructions: 'avx512',
      operators: ['AdamW', 'Rope'],
      reason: 'the best here',
    }
    expect(await examineKernels({ facts })).toMatchObject({ status: 'good', summary: '2 operators on avx512', facts })
  })
})

describe('webgpu', () => {
  it.each([
    ['the loader is missing', "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object", /libvulkan1/],
    ['no driver is installed', 'Failed to get a WebGPU adapter: No supported adapters.', /Vulkan driver/],
    ['something else is wrong', 'the device was lost', /works on the processor/],
  ])('says what to do when %s', async (_, details, remedy) => {
    const finding = await examineWebGpu({ failure: 'The device cannot be used here.', code: 'device-missing', details })
    expect(finding).toMatchObject({ status: 'notice', remedy: expect.stringMatching(remedy) })
    expect(finding.facts).toEqual({ available: false, reason: `The device cannot be used here.\n${details}` })
  })

  it('survives a driver that crashes', async () => {
    expect(await examineWebGpu(crash)).toMatchObject({ status: 'notice', summary: expect.stringContaining('crashed') })
  })
})
