import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

/** What is measured, in a registry of its own: several worlds can live in one process. */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'tutti_' })
  const registers = [registry]
  return {
    registry,
    calls: new Histogram({
      name: 'tutti_call_seconds',
      help: 'Calls of operations, by door and outcome (ok or the code of the refusal)',
      labelNames: ['operation', 'door', 'outcome'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    sockets: new Gauge({ name: 'tutti_sockets', help: 'Sockets connected to this node', registers }),
    cache: new Counter({
      name: 'tutti_cache_total',
      help: 'Questions to the cache',
      labelNames: ['answer'],
      registers,
    }),
    delivered: new Counter({ name: 'tutti_events_delivered_total', help: 'Events handed to rooms', registers }),
    deliveryLag: new Histogram({
      name: 'tutti_event_delivery_seconds',
      help: 'From the announcement of an event to its hand-over to rooms',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
      registers,
    }),
    publishesLost: new Counter({
      name: 'tutti_publishes_lost_total',
      help: 'Messages between nodes that Redis did not take',
      registers,
    }),
    jobs: new Counter({
      name: 'tutti_jobs_total',
      help: 'Jobs, by outcome',
      labelNames: ['job', 'outcome'],
      registers,
    }),
    countDrift: new Counter({
      name: 'tutti_count_drift_total',
      help: 'By how much kept counts were wrong, as the nightly comparison found and repaired it',
      labelNames: ['counter'],
      registers,
    }),
    jwksFetches: new Counter({
      name: 'tutti_jwks_fetches_total',
      help: 'Fetches of the auth server’s keys',
      labelNames: ['outcome'],
      registers,
    }),
  }
}
