/**
 * Makes the package as it is published, for one platform: `npm run package [folder] -- [--platform linux-x64] [--built]`.
 *
 * ONNX Runtime's libraries of all platforms together have 120 MB packed; of one it is 10 to 18 MB. So there is a package for
 * each, which npm refuses to install on another (`os` and `cpu` of its manifest). `--built` takes `dist` as it stands.
 *
 * Two dependencies have install scripts. ONNX Runtime's downloads CUDA libraries that this package does not use; where
 * that archive cannot be reached, `npm install` of anything that depends on it fails, and as an optional dependency it
 * is silently left out. koffi's only looks whether its prebuilt library is there, but newer versions of npm warn of every
 * script. So the published package carries both inside itself, as bundled dependencies without scripts
 * (docs/dependencies.md has the comparison).
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { parseArgs } from 'node:util'

interface Manifest {
  [field: string]: unknown
  files?: string[]
  optionalDependencies?: Record<string, string>
}

/** What the package may have, in megabytes of 10⁶ bytes. */
const largest = 30

const root = resolve(import.meta.dirname, '../..')
const stage = join(root, '.cache/package')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    platform: { type: 'string', default: `${process.platform}-${process.arch}` },
    built: { type: 'boolean', default: false },
  },
})
const [os = '', cpu = ''] = values.platform.split('-')
const destination = resolve(positionals[0] ?? root)

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

/** The folder of the libraries, whose name counts versions of Node's interface. */
const libraries = readdirSync(join(installed('onnxruntime-node'), 'bin'))[0] ?? ''
if (!existsSync(join(installed('onnxruntime-node'), 'bin', libraries, os, cpu))) {
  console.error(`ONNX Runtime has no library for ${values.platform}.`)
  process.exit(1)
}

/** Dependencies that travel inside the package, each with the files it needs there (paths from its folder). */
const bundled: Record<string, (path: string) => boolean> = {
  // The library of one platform; not the binding to JavaScript, which is not used; and macOS has its library twice.
  'onnxruntime-node': (path) =>
    `${path}/`.startsWith(`bin/${libraries}/${os}/${cpu}/`)
      ? !/(\.node|libonnxruntime\.\d+\.dylib)$/.test(path)
      : `bin/${libraries}/${os}/${cpu}/`.startsWith(`${path}/`),
  // Only its JavaScript: the built library comes with a package of its own for each platform.
  koffi: (path) => !/^(doc|vendor|cnoke\.cjs)|\.(cc|hh|inc|def|S|asm)$|src\/abi$|CMakeLists\.txt$/.test(path),
}

/** The kernels of the package's platform; of Linux for both of its C libraries. */
const ownKernels = new RegExp(`^prebuilds/${os}-${cpu}(-musl)?/`)

/** Copies the package's own files, without other platforms' kernels, with a manifest that has nothing only developers need. */
function stagePackage(): void {
  const { devDependencies: _, scripts: __, ...manifest } = readManifest(root)
  const names = Object.keys(bundled)
  // npm does not look for what a bundled package depends on, so that becomes a dependency of the whole.
  const optionalDependencies = Object.assign(
    {},
    ...names.map((name) => readManifest(installed(name)).optionalDependencies),
  )
  writeManifest(stage, { ...manifest, os: [os], cpu: [cpu], bundleDependencies: names, optionalDependencies })
  const isForAnother = (path: string) => /^prebuilds\/\w+-\w+/.test(path) && !ownKernels.test(`${path}/`)
  const isWanted = (path: string) => !isForAnother(relative(root, path).replaceAll(sep, '/'))
  for (const name of manifest.files ?? []) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(stage, name), { recursive: true, filter: isWanted })
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
if (!values.built) execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
stagePackage()
for (const [name, wanted] of Object.entries(bundled)) stageDependency(name, wanted)
mkdirSync(destination, { recursive: true })
const words = ['pack', '--silent', '--ignore-scripts', '--pack-destination', destination]
const file = execFileSync('npm', words, { cwd: stage, encoding: 'utf8' }).trim()
rmSync(stage, { recursive: true, force: true })
const megabytes = statSync(join(destination, file)).size / 1e6
console.error(`${megabytes.toFixed(1)} MB of at most ${largest}`)
console.log(relative(process.cwd(), join(destination, file)) || file)
if (megabytes > largest) process.exitCode = 1
