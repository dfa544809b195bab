/** Installs the peers beside this file: PyTorch and ONNX Runtime in `.venv`, jax-js in `node_modules`. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { interpreter, makeEnvironment } from '../../tools/python/environment.mjs'

const here = import.meta.dirname
const environment = join(here, '.venv')
export const python = interpreter(environment)

export function setUpPython() {
  makeEnvironment(environment, join(here, 'requirements.txt'), 'import torch, onnxruntime')
}

export function setUpJax() {
  if (existsSync(join(here, 'node_modules/@jax-js/jax/package.json'))) return
  const options = ['--no-audit', '--no-fund', '--loglevel=error']
  execFileSync('npm', ['ci', ...options], { cwd: here, stdio: ['ignore', 'inherit', 'inherit'] })
}
