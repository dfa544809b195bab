/** An environment's interpreter. */
export function interpreter(folder: string): string
/** Makes the environment unless the same pins are there already; `check` is an import statement that must work afterwards. */
export function makeEnvironment(folder: string, pins: string, check: string): void
