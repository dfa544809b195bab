/** A room of `src/`: the floor it stands on, and the rooms it knows where it does not know every lower floor. */
export interface Room {
  floor: number
  /** The only rooms it may import from, besides `errors` and itself; left out: every room on a lower floor. */
  knows?: readonly string[]
  /** True for a room without I/O: it imports no package and no module of Node. */
  pure?: boolean
}

/** The rooms of the house, from the ground up. An import points to a lower floor or stays in its room. */
export const rooms: Readonly<Record<string, Room>> = {
  errors: { floor: -1, pure: true },
  tensor: { floor: 0, pure: true },
  runtime: { floor: 1 },
  nn: { floor: 2, knows: ['tensor'] },
  text: { floor: 2, knows: [] },
  store: { floor: 2, knows: [] },
  'ai-sdk': { floor: 2, knows: [] },
  checkpoint: { floor: 2, knows: [] },
  models: { floor: 3 },
  generate: { floor: 4 },
  data: { floor: 4, knows: ['text'] },
  environments: { floor: 4, knows: ['text'] },
  train: { floor: 5 },
  retrieve: { floor: 5 },
  rl: { floor: 6 },
  compress: { floor: 6 },
  evaluate: { floor: 6 },
  recipe: { floor: 7 },
  serve: { floor: 7 },
  cli: { floor: 8 },
  index: { floor: 8 },
}
