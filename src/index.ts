export { R1Error, type R1ErrorOptions } from './errors.ts'
export * from './generate/index.ts'
