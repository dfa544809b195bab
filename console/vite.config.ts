import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

/** What the console's files contain of others; their licences ask that the notices travel along. */
const bundled = [
  'preact',
  '@preact/signals',
  '@preact/signals-core',
  'marked',
  'lowlight',
  'devlop',
  'highlight.js',
  'temml',
  'uplot',
  '@fontsource-variable/inter',
  '@fontsource-variable/jetbrains-mono',
]

function licences(): Plugin {
  const folder = join(import.meta.dirname, '../node_modules')
  return {
    name: 'licences',
    apply: 'build',
    async generateBundle() {
      const texts = await Promise.all(
        bundled.map(async (name) => {
          for (const end of ['LICENSE', 'license']) {
            const text = await readFile(join(folder, name, end), 'utf8').catch(() => undefined)
            if (text) return `${name}\n\n${text.trim()}\n`
          }
          throw new Error(`${name} has no licence file`)
        }),
      )
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join('\n\n----\n\n') })
    },
  }
}

/** Fetches the font of the page with its style sheet, not after it: no letter changes its shape. */
function earlyFont(): Plugin {
  return {
    name: 'early-font',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle = {} }) {
        return Object.keys(bundle)
          .filter((name) => /\/inter-[^/]*\.woff2$/.test(name))
          .map((name) => ({
            tag: 'link',
            attrs: { rel: 'preload', as: 'font', type: 'font/woff2', href: `./${name}`, crossorigin: '' },
            injectTo: 'head' as const,
          }))
      },
    },
  }
}

export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the console also works behind a proxy that serves it from a folder.
  base: './',
  plugins: [licences(), earlyFont()],
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows files of the server only: nothing inline, no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8000' } },
})
