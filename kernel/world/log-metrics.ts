import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30]

/** Metrics of event delivery, from the commit to the sockets. */
export const logMetrics = (registers: Registry[]) => ({
  relayShards: new Gauge({
    name: 'tutti_relay_shards',
    help: 'Shards of the channel log that this node relays',
    registers,
  }),
  relayed: new Counter({ name: 'tutti_relay_events_total', help: 'Events published to Redis', registers }),
  relayRepeats: new Counter({
    name: 'tutti_relay_repeats_total',
    help: 'Events that Redis already had: relays overlapped, or a reply was lost',
    registers,
  }),
  relayLag: new Histogram({
    name: 'tutti_relay_seconds',
    help: 'Relay latency: from the append in PostgreSQL until Redis has the event',
    buckets: seconds,
    registers,
  }),
  pendingAge: new Gauge({
    name: 'tutti_relay_pending_age_seconds',
    help: 'Age of the oldest event of any shard that no relay has published yet, at the last check',
    registers,
  }),
  nodeLag: new Histogram({
    name: 'tutti_hub_seconds',
    help: 'Hub latency: from the append in Redis until this node has received the event',
    buckets: seconds,
    registers,
  }),
  socketLag: new Histogram({
    name: 'tutti_deliver_seconds',
    help: 'Delivery latency: from receiving an event until its frame is written to the sockets',
    buckets: seconds,
    registers,
  }),
  delivered: new Counter({
    name: 'tutti_events_delivered_total',
    help: 'Events emitted to Socket.IO rooms',
    registers,
  }),
  channelsHeld: new Gauge({
    name: 'tutti_channels_held',
    help: 'Channels with followers on this node',
    registers,
  }),
  gaps: new Counter({
    name: 'tutti_gaps_total',
    help: 'Gaps in offsets, by where they were found: relay (events missing in Redis) or hub (missing on this node)',
    labelNames: ['where'],
    registers,
  }),
  backfills: new Counter({
    name: 'tutti_backfills_total',
    help: 'Log reads to fill a gap or to catch a follower up, by source: redis or postgres',
    labelNames: ['from'],
    registers,
  }),
  resumes: new Counter({
    name: 'tutti_resumes_total',
    help: 'Resumes with a position: hit (recovered) or miss (a snapshot is needed)',
    labelNames: ['outcome'],
    registers,
  }),
  degraded: new Gauge({
    name: 'tutti_hub_degraded',
    help: '1 while Redis is unavailable and the hub polls PostgreSQL',
    registers,
  }),
})
