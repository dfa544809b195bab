export { dataFolder } from './data-folder.ts'
export { findOwner, type StoreOwner } from './lock/owner.ts'
export { openStore } from './open.ts'
export type * from './types.ts'
