/** Why a sequence ended: a stop token or string, its limit of tokens, or the end of the context. */
export type FinishReason = 'stop' | 'length' | 'context'

/** Steers one sequence while it is generated: what may come next, and where it ends. */
export interface Guide {
  /** It only reads along: it forces and forbids nothing and never ends the sequence. */
  readonly onlyReads?: boolean
  /** The token that has to come next, whatever the model says. */
  forced?(): number | undefined
  /**
   * Forbids tokens.
   *
   * @param logits `[V]`; −∞ forbids a token
   */
  restrict?(logits: Float32Array): void
  /** Called before each token is chosen, where finding out what is allowed takes time. */
  prepare?(): Promise<void>
  /** Why the sequence has ended with the token before, where that is known only once `prepare` is done. */
  ended?(): FinishReason | undefined
  /** Called once the sequence has ended, however it did. */
  release?(): void
  /** Told of every token, in order. @returns why the sequence ends with it, if it does */
  accept(id: number): FinishReason | undefined
}

/** Ends a sequence at any of some tokens. */
export function stopIds(ids: Iterable<number>): Guide {
  const stops = new Set(ids)
  return { accept: (id) => (stops.has(id) ? 'stop' : undefined) }
}

/** Several guides as one: the first that forces a token decides, all restrict, and the first reason counts. */
export function joinGuides(guides: readonly Guide[]): Guide {
  const [forcing, restricting, preparing, ending] = (['forced', 'restrict', 'prepare', 'ended'] as const).map((name) =>
    guides.filter((guide) => guide[name]),
  ) as [Guide[], Guide[], Guide[], Guide[]]
  return {
    onlyReads: guides.every((guide) => guide.onlyReads),
    ...(forcing.length > 0 && { forced: () => firstOf(forcing, (guide) => guide.forced?.()) }),
    ...(restricting.length > 0 && {
      restrict: (logits: Float32Array) => {
        for (const guide of restricting) guide.restrict?.(logits)
      },
    }),
    ...(preparing.length > 0 && {
      prepare: async () => {
        for (const guide of preparing) await guide.prepare?.()
      },
    }),
    ...(ending.length > 0 && { ended: () => firstOf(ending, (guide) => guide.ended?.()) }),
    release: () => {
      for (const guide of guides) guide.release?.()
    },
    // Every guide is told, also after one has ended the sequence.
    accept: (id) => guides.map((guide) => guide.accept(id)).find((reason) => reason !== undefined),
  }
}

function firstOf<Value>(guides: readonly Guide[], find: (guide: Guide) => Value | undefined): Value | undefined {
  return guides.reduce<Value | undefined>((found, guide) => found ?? find(guide), undefined)
}
