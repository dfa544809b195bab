/**
 * Makes the package as it is published: `npm run package [folder]`.
 *
 * ONNX Runtime's package for Node runs an install script that downloads CUDA libraries this package does not use; where
 * that archive cannot be reached, `npm install` of anything that depends on it fails, and as an optional dependency it
 * is silently left out. So the published package carries ONNX Runtime's libraries inside itself, as a bundled dependency
 * without scripts (docs/dependencies.md has the comparison).
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'

interface Manifest {
  [field: string]: unknown
  files: string[]
}

const root = resolve(import.meta.dirname, '../..')
const stage = join(root, '.cache/package')
const destination = resolve(process.argv[2] ?? root)

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

function writeManifest(folder: string, manifest: object): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
}

/** Copies the package's own files, with a manifest that bundles ONNX Runtime and has nothing only developers need. */
function stagePackage(): void {
  const { devDependencies: _, scripts: __, ...manifest } = readManifest(root)
  writeManifest(stage, { ...manifest, bundleDependencies: ['onnxruntime-node'] })
  const present = new Set(readdirSync(root))
  for (const name of manifest.files) {
    if (present.has(name)) cpSync(join(root, name), join(stage, name), { recursive: true })
  }
}

/** Copies ONNX Runtime's shared libraries for every platform, and no code that runs at install. */
function stageRuntime(): void {
  const source = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  const target = join(stage, 'node_modules/onnxruntime-node')
  const { name, version, license, author, repository, description, os } = readManifest(source)
  writeManifest(target, { name, version, license, author, repository, description, os })
  cpSync(join(source, 'README.md'), join(target, 'README.md'))
  cpSync(join(source, 'bin'), join(target, 'bin'), { recursive: true, filter: isRuntimeLibrary })
}

function isRuntimeLibrary(path: string): boolean {
  // The binding to JavaScript is not used, and macOS has its library twice under two names.
  return !path.endsWith('.node') && !/libonnxruntime\.\d+\.dylib$/.test(basename(path))
}

rmSync(stage, { recursive: true, force: true })
execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
stagePackage()
stageRuntime()
mkdirSync(destination, { recursive: true })
const words = ['pack', '--silent', '--ignore-scripts', '--pack-destination', destination]
const file = execFileSync('npm', words, { cwd: stage, encoding: 'utf8' }).trim()
rmSync(stage, { recursive: true, force: true })
console.log(relative(process.cwd(), join(destination, file)) || file)
