import { collectDefaultMetrics, Counter, Gauge, Histogram, type Metric, Registry } from 'prom-client'
import { deliveryMetrics } from './delivery-metrics'

export type Metrics = ReturnType<typeof createMetrics>

/** The Prometheus metrics, in a registry of their own because tests run several apps in one process. */
export function createMetrics() {
  const registry = new Registry()
  for (const metric of processMetrics().getMetricsAsArray()) registry.registerMetric(metric as unknown as Metric)
  const registers = [registry]
  return {
    registry,
    ...deliveryMetrics(registers),
    operationDuration: new Histogram({
      name: 'tutti_operation_duration_seconds',
      help: 'Duration of operation calls, by transport and outcome (ok or the code of the refusal)',
      labelNames: ['operation', 'transport', 'outcome'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    sockets: new Gauge({ name: 'tutti_sockets', help: 'Sockets connected to this node', registers }),
    socketDisconnects: new Counter({
      name: 'tutti_socket_disconnects_total',
      help: 'Disconnected sockets, by Socket.IO reason; a frame that is too large counts as a transport error',
      labelNames: ['reason'],
      registers,
    }),
    followsRefused: new Counter({
      name: 'tutti_follows_refused_total',
      help: 'Refused attempts of sockets to follow a channel, by the code of the refusal',
      labelNames: ['code'],
      registers,
    }),
    channelsClosed: new Counter({
      name: 'tutti_channels_closed_total',
      help: 'Channels that sockets lost access to, by the code of the refusal',
      labelNames: ['code'],
      registers,
    }),
    channelStreams: new Gauge({
      name: 'tutti_channel_streams',
      help: 'Channels currently followed over REST, by kind (sse or long-poll)',
      labelNames: ['kind'],
      registers,
    }),
    sseFrames: new Counter({
      name: 'tutti_sse_frames_total',
      help: 'Frames written to event streams (SSE), by event name',
      labelNames: ['event'],
      registers,
    }),
    channelStreamsEnded: new Counter({
      name: 'tutti_channel_streams_ended_total',
      help: 'Ended channel streams over REST, by kind and reason: disconnected, answered, slow, draining, position_lost, failed, or the code of a refusal',
      labelNames: ['kind', 'reason'],
      registers,
    }),
    socketBufferBytes: new Gauge({
      name: 'tutti_socket_buffer_bytes',
      help: 'Bytes queued for sockets that read slowly, at the last check',
      registers,
    }),
    slowConsumerSteps: new Counter({
      name: 'tutti_slow_consumer_steps_total',
      help: 'Steps taken with slow sockets: slow, lagging, resync, closed',
      labelNames: ['step'],
      registers,
    }),
    socketRateLimits: new Counter({
      name: 'tutti_socket_rate_limits_total',
      help: 'Calls over the rate limit of their connection (refused), and connections closed for it (closed)',
      labelNames: ['outcome'],
      registers,
    }),
    handshakesRefused: new Counter({
      name: 'tutti_handshakes_refused_total',
      help: 'Refused connections, by reason: event_loop_lag, connection_limit, handshake_limit, draining, origin, no_connect (closed before CONNECT), or the code of the refusal',
      labelNames: ['reason'],
      registers,
    }),
    eventLoopLag: new Gauge({
      name: 'tutti_event_loop_lag_p99_seconds',
      help: 'Event loop delay of the last 2 s, 99th percentile; admission control uses it',
      registers,
    }),
    drainedSockets: new Counter({
      name: 'tutti_drained_sockets_total',
      help: 'Sockets drained at shutdown, by outcome: moved (by the client) or closed (by the server)',
      labelNames: ['outcome'],
      registers,
    }),
    cacheLookups: new Counter({
      name: 'tutti_cache_lookups_total',
      help: 'Cache lookups, by result: hit or miss',
      labelNames: ['result'],
      registers,
    }),
    redisPublishFailures: new Counter({
      name: 'tutti_redis_publish_failures_total',
      help: 'Failed publishes to Redis',
      registers,
    }),
    jobs: new Counter({
      name: 'tutti_jobs_total',
      help: 'Finished job attempts, by outcome',
      labelNames: ['job', 'outcome'],
      registers,
    }),
    counterFlushes: new Counter({
      name: 'tutti_counter_flushes_total',
      help: 'Flushes of counter changes, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    counterFlushChanges: new Histogram({
      name: 'tutti_counter_flush_changes',
      help: 'Counter changes applied per flush',
      buckets: [1, 2, 5, 10, 50, 100, 500, 1000, 5000],
      registers,
    }),
    counterLag: new Histogram({
      name: 'tutti_counter_lag_seconds',
      help: 'Time from the oldest change of a flush to its end',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    }),
    stateFrames: new Counter({
      name: 'tutti_state_frames_total',
      help: 'State frames emitted to Socket.IO rooms',
      registers,
    }),
    stateRepairs: new Counter({
      name: 'tutti_state_repairs_total',
      help: 'State values that Redis did not deliver and that were read from PostgreSQL',
      registers,
    }),
    counterDrift: new Counter({
      name: 'tutti_counter_drift_total',
      help: 'Counter drift that the nightly reconciliation found and repaired',
      labelNames: ['counter'],
      registers,
    }),
    bucketMissingObjects: new Gauge({
      name: 'tutti_bucket_missing_objects',
      help: 'Objects referenced by rows but missing in the bucket, at the last complete sweep, by area',
      labelNames: ['area'],
      registers,
    }),
    bucketOrphansDeleted: new Counter({
      name: 'tutti_bucket_orphans_deleted_total',
      help: 'Orphans that the sweep deleted from the bucket: objects, or parts of unfinished uploads',
      labelNames: ['kind'],
      registers,
    }),
    tokenRefreshes: new Counter({
      name: 'tutti_token_refreshes_total',
      help: 'Token refreshes over sockets, by outcome: newer, older (ignored), or the code of the refusal',
      labelNames: ['outcome'],
      registers,
    }),
    connectionsClosed: new Counter({
      name: 'tutti_connections_closed_total',
      help: 'Connections that the server closed with a reason, by its code',
      labelNames: ['code'],
      registers,
    }),
    revocations: new Counter({
      name: 'tutti_revocations_total',
      help: 'Session revocations received by this node',
      registers,
    }),
    revocationsCheckAge: new Gauge({
      name: 'tutti_revocations_check_age_seconds',
      help: 'Time since this node last read the revocations from PostgreSQL',
      registers,
    }),
    presenceMembers: new Gauge({
      name: 'tutti_presence_members',
      help: 'Members present on channels through this node, counted per channel',
      registers,
    }),
    presenceSweeps: new Counter({
      name: 'tutti_presence_sweeps_total',
      help: 'Dead nodes whose members this node removed from their channels',
      registers,
    }),
    presenceSweepLag: new Histogram({
      name: 'tutti_presence_sweep_lag_seconds',
      help: 'Time from the end of the grace period of a dead node’s members to their removal',
      buckets: [0.5, 1, 2, 3, 5, 10, 30, 120],
      registers,
    }),
    signals: new Counter({
      name: 'tutti_signals_total',
      help: 'Signals sent between followers',
      labelNames: ['outcome'],
      registers,
    }),
    jwksFetches: new Counter({
      name: 'tutti_jwks_fetches_total',
      help: 'Fetches of the auth server’s JWKS',
      labelNames: ['outcome'],
      registers,
    }),
  }
}

let shared: Registry | undefined

/** Metrics of the Node process, collected once: prom-client starts a timer and a GC observer for them and cannot stop them. */
function processMetrics(): Registry {
  if (shared !== undefined) return shared
  shared = new Registry()
  // At the default precision the event loop monitor is most of the CPU of an idle node.
  collectDefaultMetrics({ register: shared, prefix: 'tutti_', eventLoopMonitoringPrecision: 100 })
  return shared
}
