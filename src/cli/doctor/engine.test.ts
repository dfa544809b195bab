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
  it('are worth a notice when they are missing', async () => {
    expect(await examineKernels({ facts: { path: null, operators: [] } })).toMatchObject({ status: 'notice' })
    expect(await examineKernels(crash)).toMatchObject({ status: 'notice', summary: crash.failure })
  })

  it('are counted when they are there', async () => {
    const finding = await examineKernels({ facts: { path: '/lib/r1.so', operators: ['AdamW', 'Rope'] } })
    expect(finding).toMatchObject({ status: 'good', summary: '2 operators in /lib/r1.so' })
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
