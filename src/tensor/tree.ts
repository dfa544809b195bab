/** Nested arrays and records with leaves of one type: how functions of the language take and return many tensors. */
export type Tree<Leaf> = Leaf | readonly Tree<Leaf>[] | { readonly [key: string]: Tree<Leaf> }

/** The leaves with their paths (`layers.0.weight`), in the order of the structure. */
export function flatten<Leaf>(
  tree: unknown,
  isLeaf: (value: unknown) => value is Leaf,
  path = '',
): (readonly [path: string, leaf: Leaf])[] {
  if (isLeaf(tree)) return [[path, tree]]
  if (typeof tree !== 'object' || tree === null) return []
  return Object.entries(tree).flatMap(([key, value]) => flatten(value, isLeaf, path ? `${path}.${key}` : key))
}

/** The same structure with every leaf mapped. */
export function mapTree<Leaf, Result>(
  tree: unknown,
  isLeaf: (value: unknown) => value is Leaf,
  map: (leaf: Leaf, path: string) => Result,
  path = '',
): unknown {
  if (isLeaf(tree)) return map(tree, path)
  if (Array.isArray(tree)) {
    return tree.map((value, index) => mapTree(value, isLeaf, map, path ? `${path}.${index}` : String(index)))
  }
  if (typeof tree !== 'object' || tree === null) return tree
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [key, mapTree(value, isLeaf, map, path ? `${path}.${key}` : key)]),
  )
}
