import { describe, expect, it } from 'vitest'
import { examineKernels, examineProducts, examineRuntime, examineWebGpu } from './engine.ts'

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
    const facts = {
      library: null,
      instructions: null,
      operators: [],
      reason: 'switched off by R1_KERNELS',
      products: '',
    }
    expect(await examineKernels({ facts })).toMatchObject({ status: 'notice', summary: facts.reason })
    expect(await examineKernels(crash)).toMatchObject({ status: 'notice', summary: crash.failure })
  })

  it('are counted when they are there', async () => {
    const facts = {
      library: '/lib/r1.so',
      instructions: 'avx512',
      operators: ['AdamW', 'Rope'],
      reason: 'the best here',
      products: 'all by the kernel',
    }
    expect(await examineKernels({ facts })).toMatchObject({ status: 'good', summary: '2 operators on avx512', facts })
  })
})

describe('products', () => {
  const facts = { library: '/lib/r1.so', instructions: 'avx512', operators: ['MatMul'], reason: 'the best here' }

  it('say how they are divided, and how to measure where that was not done here', () => {
    const here = 'the kernel takes 3 of 16 classes (measured on this machine)'
    expect(examineProducts({ ...facts, products: here })).toEqual({
      status: 'good',
      summary: here,
      facts: { products: here },
    })
    const shipped = 'the kernel takes 3 of 16 classes (shipped for avx512)'
    expect(examineProducts({ ...facts, products: shipped }).remedy).toMatch(/r1 bench gemm/)
  })

  it("are ONNX Runtime's where there are no kernels", () => {
    const without = { ...facts, library: null, instructions: null, products: 'whatever' }
    expect(examineProducts(without).summary).toBe('all by ONNX Runtime')
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
