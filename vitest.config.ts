import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'tools/**/*.test.ts', 'console/**/*.test.ts'],
    // Processes, not threads: native libraries stay loaded for the life of a process, and a crash takes one test file with it.
    pool: 'forks',
    // One session of the engine already runs on every core: more workers than two only fight for them.
    maxWorkers: 2,
    // Real training runs here, on machines of two cores that may be busy: the limit only ends what hangs.
    testTimeout: 240_000,
    // Test files run side by side: threads that spin while they wait would take the cores from each other.
    env: { R1_SPINNING: 'off' },
    hookTimeout: 240_000,
  },
})
