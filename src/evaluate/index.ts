/** Evaluation: metrics, and tasks that measure a model with them. */
export * from './metrics/index.ts'
export * from './tasks/index.ts'
