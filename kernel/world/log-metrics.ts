import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30]

/** What is measured of an event's way from its commit to the sockets. */
export const logMetrics = (registers: Registry[]) => ({
  relayShards: new Gauge({ name: 'tutti_relay_shards', help: 'Shards of the log that this node hands on', registers }),
  relayed: new Counter({ name: 'tutti_relay_events_total', help: 'Events handed on to Redis', registers }),
  relayRepeats: new Counter({
    name: 'tutti_relay_repeats_total',
    help: 'Events handed on that Redis had already: relays overlapped, or an answer was lost',
    registers,
  }),
  relayLag: new Histogram({
    name: 'tutti_relay_seconds',
    help: 'Commit to log: from the append in PostgreSQL until Redis has it',
    buckets: seconds,
    registers,
  }),
  pendingAge: new Gauge({
    name: 'tutti_relay_pending_age_seconds',
    help: 'Age of the oldest event that waits to be handed on, by whichever node, when last looked',
    registers,
  }),
  nodeLag: new Histogram({
    name: 'tutti_hub_seconds',
    help: 'Log to node: from the append in Redis until this node has heard of it',
    buckets: seconds,
    registers,
  }),
  socketLag: new Histogram({
    name: 'tutti_deliver_seconds',
    help: 'Node to socket: from hearing of an event until its frame is handed to the sockets',
    buckets: seconds,
    registers,
  }),
  delivered: new Counter({ name: 'tutti_events_delivered_total', help: 'Events handed to rooms', registers }),
  channelsHeld: new Gauge({
    name: 'tutti_channels_held',
    help: 'Channels that somebody on this node follows',
    registers,
  }),
  gaps: new Counter({
    name: 'tutti_gaps_total',
    help: 'Holes found in what came, by where: relay (Redis lacks something) or hub (this node does)',
    labelNames: ['where'],
    registers,
  }),
  backfills: new Counter({
    name: 'tutti_backfills_total',
    help: 'Reads of the log to fill a hole or to catch somebody up, by source: redis or postgres',
    labelNames: ['from'],
    registers,
  }),
  resumes: new Counter({
    name: 'tutti_resumes_total',
    help: 'Followers that came back with a place: hit (nothing is missing) or miss (a snapshot is needed)',
    labelNames: ['outcome'],
    registers,
  }),
  degraded: new Gauge({
    name: 'tutti_hub_degraded',
    help: '1 while Redis is away and PostgreSQL is asked instead',
    registers,
  }),
})
