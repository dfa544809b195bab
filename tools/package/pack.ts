/**
 * Makes the package as it is published: `npm run package [folder]`.
 *
 * Two dependencies have install scripts. ONNX Runtime's downloads CUDA libraries that this package does not use; where
 * that archive cannot be reached, `npm install` of anything that depends on it fails, and as an optional dependency it
 * is silently left out. koffi's only looks whether its prebuilt library is there, but newer versions of npm warn of every
 * script. So the published package carries both inside itself, as bundled dependencies without scripts
 * (docs/dependencies.md has the comparison).
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'

interface Manifest {
  [field: string]: unknown
  files?: string[]
  optionalDependencies?: Record<string, string>
}

const root = resolve(import.meta.dirname, '../..')
const stage = join(root, '.cache/package')
const destination = resolve(process.argv[2] ?? root)

function installed(name: string): string {
  return join(root, 'node_modules', name)
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

function writeManifest(folder: string, manifest: object): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
}

/** Dependencies that travel inside the package, each with the files it needs there (paths from its folder). */
const bundled: Record<string, (path: string) => boolean> = {
  // Not the binding to JavaScript, which is not used; and macOS has its library twice under two names.
  'onnxruntime-node': (path) => /^bin(\/|$)/.test(path) && !/(\.node|libonnxruntime\.\d+\.dylib)$/.test(path),
  // Only its JavaScript: the built library comes with a package of its own for each platform.
  koffi: (path) => !/^(doc|vendor|cnoke\.cjs)|\.(cc|hh|inc|def|S|asm)$|src\/abi$|CMakeLists\.txt$/.test(path),
}

/** Copies the package's own files, with a manifest that has nothing only developers need. */
function stagePackage(): void {
  const { devDependencies: _, scripts: __, ...manifest } = readManifest(root)
  const names = Object.keys(bundled)
  // npm does not look for what a bundled package depends on, so that becomes a dependency of the whole.
  const optionalDependencies = Object.assign(
    {},
    ...names.map((name) => readManifest(installed(name)).optionalDependencies),
  )
  writeManifest(stage, { ...manifest, bundleDependencies: names, optionalDependencies })
  for (const name of manifest.files ?? []) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(stage, name), { recursive: true })
  }
}

/** Copies an installed dependency, without its scripts and what only they need. */
function stageDependency(name: string, wanted: (path: string) => boolean): void {
  const source = installed(name)
  const target = join(stage, 'node_modules', name)
  const isWanted = (path: string) => path === source || wanted(relative(source, path).replaceAll(sep, '/'))
  cpSync(source, target, { recursive: true, filter: isWanted })
  const { scripts: _, dependencies: __, devDependencies: ___, ...manifest } = readManifest(source)
  writeManifest(target, manifest)
}

rmSync(stage, { recursive: true, force: true })
execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
stagePackage()
for (const [name, wanted] of Object.entries(bundled)) stageDependency(name, wanted)
mkdirSync(destination, { recursive: true })
const words = ['pack', '--silent', '--ignore-scripts', '--pack-destination', destination]
const file = execFileSync('npm', words, { cwd: stage, encoding: 'utf8' }).trim()
rmSync(stage, { recursive: true, force: true })
console.log(relative(process.cwd(), join(destination, file)) || file)
