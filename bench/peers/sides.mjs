/** The sides that can be compared: how each is started, and which configurations and products it knows. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { python, setUpJax, setUpPython } from './setup.mjs'
import { Worker } from './worker.mjs'

const here = import.meta.dirname

/**
 * @typedef {object} Side
 * @property {string} name
 * @property {string[]} modes
 * @property {string[]} gemmModes
 * @property {() => void} setUp
 * @property {(configuration: string) => boolean} knows
 * @property {(configuration: object | null, mode: string, options: { threads: number, merged: boolean }) => Worker} start
 */

/** @type {Side[]} */
export const sides = [
  {
    name: 'ours',
    modes: ['stock', 'f32', 'bf16'],
    gemmModes: ['stock', 'f32', 'bf16'],
    setUp: () => {
      if (!existsSync(join(here, '../../dist/cli/main.js'))) throw new Error('build the package first: npm run build')
    },
    knows: () => true,
    start: (configuration, mode, { threads }) =>
      new Worker(process.execPath, [
        join(here, 'ours/worker.mjs'),
        JSON.stringify(configuration),
        mode,
        String(threads),
      ]),
  },
  {
    name: 'torch',
    modes: ['f32', 'f32-compile', 'bf16', 'bf16-compile'],
    gemmModes: ['f32', 'bf16'],
    setUp: setUpPython,
    knows: () => true,
    start: (configuration, mode, { threads, merged }) =>
      new Worker(
        python,
        ['-W', 'ignore', join(here, 'torch/worker.py'), JSON.stringify(configuration), mode, String(threads)].concat(
          merged ? 'merged' : [],
        ),
        { OMP_NUM_THREADS: String(threads), TORCHINDUCTOR_CACHE_DIR: join(here, '.venv/inductor-cache') },
      ),
  },
  {
    name: 'onnxruntime',
    modes: [],
    gemmModes: ['f32'],
    setUp: setUpPython,
    knows: () => false,
    start: (_configuration, mode, { threads }) =>
      new Worker(python, [join(here, 'torch/ort_worker.py'), 'null', mode, String(threads)]),
  },
  {
    name: 'jax-js',
    modes: ['f32'],
    gemmModes: ['f32'],
    setUp: setUpJax,
    // The larger vocabulary and LoRA are left out: at its speed a step of them takes minutes.
    knows: (configuration) => configuration === 'a' || configuration === 'b',
    start: (configuration, mode, { threads }) =>
      new Worker(process.execPath, [
        join(here, 'jax/worker.mjs'),
        JSON.stringify(configuration),
        mode,
        String(threads),
      ]),
  },
]
