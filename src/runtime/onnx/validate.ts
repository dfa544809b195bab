import { existsSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { R1Error } from '../../errors.ts'
import {
  TensorProto_DataLocation as DataLocation,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from './onnx_pb.ts'

/**
 * Checks that a model is whole: every name is defined once and before its use, every output exists, and external data lies
 * inside the model's folder.
 *
 * @param folder the model's folder; without it, files of external data are checked by their names alone
 * @throws R1Error `bad-model`
 */
export function validateModel(model: ModelProto, folder?: string): void {
  if (model.graph === undefined) throw badModel('has no graph')
  if (model.opsetImport.length === 0) throw badModel('names no operator set')
  const domains = new Set(model.opsetImport.map(({ domain }) => domain))
  validateGraph(model.graph, new Set(), domains, folder)
}

function validateGraph(
  graph: GraphProto,
  outer: ReadonlySet<string>,
  domains: ReadonlySet<string>,
  folder: string | undefined,
): void {
  const defined = new Set<string>()
  const define = (name: string, what: string) => {
    if (name === '') throw badModel(`has ${what} without a name`)
    if (defined.has(name) || outer.has(name)) throw badModel(`defines '${name}' twice`)
    defined.add(name)
  }
  const overridable = new Set(graph.initializer.map(({ name }) => name))
  for (const { name } of graph.input) if (!overridable.has(name)) define(name, 'an input')
  for (const initializer of graph.initializer) {
    define(initializer.name, 'an initializer')
    if (initializer.dataLocation === DataLocation.EXTERNAL) validateExternalData(initializer, folder)
  }
  const later = new Set(graph.node.flatMap(({ output }) => output))
  for (const [index, node] of graph.node.entries()) {
    const what = `node ${node.name ? `'${node.name}'` : index} (${node.opType})`
    if (!domains.has(node.domain)) throw badModel(`does not import the operator set '${node.domain}' of ${what}`)
    for (const name of node.input) {
      if (name === '' || defined.has(name) || outer.has(name)) continue
      const problem = later.has(name) ? 'before it is computed: the nodes are out of order' : 'which nothing defines'
      throw badModel(`feeds ${what} with '${name}' ${problem}`)
    }
    for (const { g: graph, graphs } of node.attribute) {
      const visible = new Set([...outer, ...defined])
      for (const inner of graph ? [graph, ...graphs] : graphs) validateGraph(inner, visible, domains, folder)
    }
    for (const name of node.output) if (name !== '') define(name, `an output of ${what}`)
  }
  for (const { name } of graph.output)
    if (!defined.has(name) && !outer.has(name)) throw badModel(`has the output '${name}', which nothing computes`)
}

function validateExternalData(initializer: TensorProto, folder: string | undefined): void {
  const entries = new Map(initializer.externalData.map(({ key, value }) => [key, value]))
  const location = entries.get('location')
  const what = `the external data of '${initializer.name}'`
  if (!location) throw badModel(`does not say where ${what} lies`)
  const [offset, length] = ['offset', 'length'].map((key) => Number(entries.get(key) ?? 0)) as [number, number]
  for (const count of [offset, length])
    if (!Number.isSafeInteger(count) || count < 0) throw badModel(`gives ${what} the place ${offset} + ${length}`)
  if (isAbsolute(location) || /^[a-z]:|\\/i.test(location) || location.split('/').includes('..'))
    throw badModel(`looks for ${what} outside its folder: ${location}`)
  if (folder === undefined) return
  const path = resolve(folder, location)
  if (!existsSync(path)) throw badModel(`misses ${what}: there is no ${location}`)
  const inside = relative(realpathSync(folder), realpathSync(path))
  if (inside === '..' || inside.startsWith(join('..', sep)) || isAbsolute(inside))
    throw badModel(`looks for ${what} outside its folder: ${location} is a link that leads out`)
  const { size } = statSync(path)
  if (offset + length > size) throw badModel(`misses ${what}: ${location} has ${size} bytes of ${offset + length}`)
}

function badModel(problem: string): R1Error {
  return new R1Error('bad-model', `The model ${problem}.`, { remedy: 'Export or download it again.' })
}
