import { Counter, Histogram, type Registry } from 'prom-client'
import type { Store } from '../../store/index.ts'

/** Seconds; an embedded database answers within a millisecond or two, a search of a long history takes longer. */
const buckets = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Counts what the store does: `r1:store_operation_seconds` and `r1:store_failures_total`. */
export function measureStore(store: Store, registry: Registry): void {
  const name = 'r1:store_operation_seconds'
  if (registry.getSingleMetric(name)) return
  const times = new Histogram({
    name,
    help: 'Time of operations of the store, waiting included.',
    labelNames: ['operation'],
    buckets,
    registers: [registry],
  })
  const failures = new Counter({
    name: 'r1:store_failures_total',
    help: 'Operations of the store that failed.',
    labelNames: ['operation', 'code'],
    registers: [registry],
  })
  store.observe(({ operation, milliseconds, failure: code }) => {
    times.observe({ operation }, milliseconds / 1000)
    if (code) failures.inc({ operation, code })
  })
}
