import bash from 'highlight.js/lib/languages/bash'
import c from 'highlight.js/lib/languages/c'
import cpp from 'highlight.js/lib/languages/cpp'
import css from 'highlight.js/lib/languages/css'
import diff from 'highlight.js/lib/languages/diff'
import go from 'highlight.js/lib/languages/go'
import java from 'highlight.js/lib/languages/java'
import javascript from 'highlight.js/lib/languages/javascript'
import json from 'highlight.js/lib/languages/json'
import latex from 'highlight.js/lib/languages/latex'
import markdown from 'highlight.js/lib/languages/markdown'
import python from 'highlight.js/lib/languages/python'
import rust from 'highlight.js/lib/languages/rust'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'
import { createLowlight } from 'lowlight'

/** A piece of code: text, or parts of one kind, whose names are highlight.js's classes. */
export type Coloured = string | { readonly kind: string; readonly parts: readonly Coloured[] }
export type Highlighter = (code: string, language: string) => readonly Coloured[] | undefined

const lowlight = createLowlight({
  bash,
  c,
  cpp,
  css,
  diff,
  go,
  java,
  javascript,
  json,
  latex,
  markdown,
  python,
  rust,
  sql,
  typescript,
  xml,
  yaml,
})

type Nodes = ReturnType<typeof lowlight.highlight>['children']

function coloured(nodes: Nodes): Coloured[] {
  return nodes.flatMap((node): Coloured[] => {
    if (node.type === 'text') return [node.value]
    if (node.type !== 'element') return []
    const { className } = node.properties
    return [{ kind: Array.isArray(className) ? className.join(' ') : '', parts: coloured(node.children) }]
  })
}

/** Beyond this many letters colours cost more than they help. */
const longest = 50_000

export const highlight: Highlighter = (code, language) => {
  if (code.length > longest || !lowlight.registered(language)) return undefined
  return coloured(lowlight.highlight(language, code).children)
}
