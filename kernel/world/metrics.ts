import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { logMetrics } from './log-metrics'

export type Metrics = ReturnType<typeof createMetrics>

/** What is measured, in a registry of its own: several worlds can live in one process. */
export function createMetrics() {
  const registry = new Registry()
  // Its own look at the event loop, a hundred times a second unless told otherwise, is most of what an idle node costs.
  collectDefaultMetrics({ register: registry, prefix: 'tutti_', eventLoopMonitoringPrecision: 100 })
  const registers = [registry]
  return {
    registry,
    ...logMetrics(registers),
    calls: new Histogram({
      name: 'tutti_call_seconds',
      help: 'Calls of operations, by door and outcome (ok or the code of the refusal)',
      labelNames: ['operation', 'door', 'outcome'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    sockets: new Gauge({ name: 'tutti_sockets', help: 'Sockets connected to this node', registers }),
    socketsLeft: new Counter({
      name: 'tutti_sockets_left_total',
      help: 'Sockets that are gone, by how Socket.IO calls it: a frame that was too large is a transport error',
      labelNames: ['reason'],
      registers,
    }),
    followsRefused: new Counter({
      name: 'tutti_follows_refused_total',
      help: 'Channels that a socket asked for in vain, by the code of the refusal',
      labelNames: ['code'],
      registers,
    }),
    channelsClosed: new Counter({
      name: 'tutti_channels_closed_total',
      help: 'Channels that sockets may follow no longer, by the code of the refusal',
      labelNames: ['code'],
      registers,
    }),
    streams: new Gauge({
      name: 'tutti_streams',
      help: 'Channels followed over REST at the moment, by kind (sse or long-poll)',
      labelNames: ['kind'],
      registers,
    }),
    streamFrames: new Counter({
      name: 'tutti_stream_frames_total',
      help: 'Frames written to server-sent events, by their name',
      labelNames: ['event'],
      registers,
    }),
    streamsEnded: new Counter({
      name: 'tutti_streams_ended_total',
      help: 'Channels followed over REST no more, by kind and reason: left, answered, slow, moving, behind, or a code',
      labelNames: ['kind', 'reason'],
      registers,
    }),
    socketQueueBytes: new Gauge({
      name: 'tutti_socket_queue_bytes',
      help: 'Bytes that wait for sockets which do not take them, when last looked',
      registers,
    }),
    slowFollowers: new Counter({
      name: 'tutti_slow_followers_total',
      help: 'Steps taken with sockets that are slow: slow, lagging, resync, closed',
      labelNames: ['step'],
      registers,
    }),
    floods: new Counter({
      name: 'tutti_floods_total',
      help: 'Calls over the limit of their connection (refused), and connections closed for it (closed)',
      labelNames: ['outcome'],
      registers,
    }),
    handshakesRefused: new Counter({
      name: 'tutti_handshakes_refused_total',
      help: 'Connections not taken, by why: lag, full, crowd (too many at once), moving, origin, silent (ended before it said who it is), or the code of the refusal',
      labelNames: ['why'],
      registers,
    }),
    eventLoopLag: new Gauge({
      name: 'tutti_event_loop_lag_p99_seconds',
      help: 'How late the event loop was in the last 2 s, 99th percentile: admission goes by it',
      registers,
    }),
    drained: new Counter({
      name: 'tutti_drained_sockets_total',
      help: 'Sockets sent elsewhere because this node ends, by how they went: moved by themselves, closed by us',
      labelNames: ['how'],
      registers,
    }),
    cache: new Counter({
      name: 'tutti_cache_total',
      help: 'Questions to the cache',
      labelNames: ['answer'],
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
    tallyFlushes: new Counter({
      name: 'tutti_tally_flushes_total',
      help: 'Transactions that settle changes of counts, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    tallyChanges: new Histogram({
      name: 'tutti_tally_flush_changes',
      help: 'Changes that one flush settled',
      buckets: [1, 2, 5, 10, 50, 100, 500, 1000, 5000],
      registers,
    }),
    tallyLag: new Histogram({
      name: 'tutti_tally_lag_seconds',
      help: 'From the oldest change of a flush to the end of the flush',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    }),
    stateFrames: new Counter({
      name: 'tutti_state_frames_total',
      help: 'Frames with new values handed to rooms',
      registers,
    }),
    stateRepairs: new Counter({
      name: 'tutti_state_repairs_total',
      help: 'Values that Redis did not tell and PostgreSQL did',
      registers,
    }),
    countDrift: new Counter({
      name: 'tutti_count_drift_total',
      help: 'By how much kept counts were wrong, as the nightly comparison found and repaired it',
      labelNames: ['counter'],
      registers,
    }),
    bucketMissing: new Gauge({
      name: 'tutti_bucket_missing_objects',
      help: 'Objects that rows speak of and the bucket has not, as the last whole sweep found, by area',
      labelNames: ['area'],
      registers,
    }),
    bucketSwept: new Counter({
      name: 'tutti_bucket_swept_total',
      help: 'What the sweep removed from the bucket since no row wants it: objects, or parts of unfinished uploads',
      labelNames: ['what'],
      registers,
    }),
    sessionsRefreshed: new Counter({
      name: 'tutti_sessions_refreshed_total',
      help: 'Tokens that came over a live socket, by outcome: newer, older (changes nothing), or the code of the refusal',
      labelNames: ['outcome'],
      registers,
    }),
    sessionsClosed: new Counter({
      name: 'tutti_sessions_closed_total',
      help: 'Connections that the server ended with a reason, by its code',
      labelNames: ['code'],
      registers,
    }),
    revocations: new Counter({
      name: 'tutti_revocations_total',
      help: 'Revocations that this node learned of',
      registers,
    }),
    revocationsLag: new Gauge({
      name: 'tutti_revocations_check_age_seconds',
      help: 'Since this node last read the revocations in PostgreSQL',
      registers,
    }),
    presenceMembers: new Gauge({
      name: 'tutti_presence_members',
      help: 'People present on channels through this node, once for each channel',
      registers,
    }),
    presenceSweeps: new Counter({
      name: 'tutti_presence_sweeps_total',
      help: 'Dead nodes whose members this node took out of their channels',
      registers,
    }),
    presenceSweepLag: new Histogram({
      name: 'tutti_presence_sweep_lag_seconds',
      help: 'From the end of the grace of a dead node’s members to their leaving',
      buckets: [0.5, 1, 2, 3, 5, 10, 30, 120],
      registers,
    }),
    signals: new Counter({
      name: 'tutti_signals_total',
      help: 'Signals from followers to followers',
      labelNames: ['outcome'],
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
