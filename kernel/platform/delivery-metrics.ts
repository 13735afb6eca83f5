import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30]

/** Metrics of event delivery, from the commit to the sockets. */
export const deliveryMetrics = (registers: Registry[]) => ({
  relayShards: new Gauge({
    name: 'tutti_relay_shards',
    help: 'Shards of the channel log that this node relays',
    registers,
  }),
  relayedEvents: new Counter({ name: 'tutti_relay_events_total', help: 'Events published to Redis', registers }),
  relayDuplicates: new Counter({
    name: 'tutti_relay_duplicates_total',
    help: 'Events that Redis already had: relays overlapped, or a reply was lost',
    registers,
  }),
  relayLatency: new Histogram({
    name: 'tutti_relay_latency_seconds',
    help: 'Relay latency: from the append in PostgreSQL until Redis has the event',
    buckets: seconds,
    registers,
  }),
  pendingAge: new Gauge({
    name: 'tutti_relay_pending_age_seconds',
    help: 'Age of the oldest event of any shard that no relay has published yet, at the last check',
    registers,
  }),
  hubLatency: new Histogram({
    name: 'tutti_hub_latency_seconds',
    help: 'Hub latency: from the append in Redis until this node has received the event',
    buckets: seconds,
    registers,
  }),
  deliveryLatency: new Histogram({
    name: 'tutti_delivery_latency_seconds',
    help: 'Delivery latency: from receiving an event until its frame is written to the sockets',
    buckets: seconds,
    registers,
  }),
  eventsDelivered: new Counter({
    name: 'tutti_events_delivered_total',
    help: 'Events emitted to Socket.IO rooms',
    registers,
  }),
  channelsSubscribed: new Gauge({
    name: 'tutti_channels_subscribed',
    help: 'Channels with followers on this node',
    registers,
  }),
  logGaps: new Counter({
    name: 'tutti_log_gaps_total',
    help: 'Gaps in offsets, by component: relay (events missing in Redis) or hub (missing on this node)',
    labelNames: ['component'],
    registers,
  }),
  backfills: new Counter({
    name: 'tutti_log_backfills_total',
    help: 'Log reads to fill a gap or to catch a follower up, by source: redis or postgres',
    labelNames: ['source'],
    registers,
  }),
  resumes: new Counter({
    name: 'tutti_resumes_total',
    help: 'Resumes with a position: hit (recovered) or miss (a snapshot is needed)',
    labelNames: ['outcome'],
    registers,
  }),
  hubDegraded: new Gauge({
    name: 'tutti_hub_degraded',
    help: '1 while Redis is unavailable and the hub polls PostgreSQL',
    registers,
  }),
})
