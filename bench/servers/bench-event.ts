import { event } from '../../kernel/events/event'
import { count, line, shape } from '../../kernel/pipeline/schema'

/** The event that all servers send: Tutti through its pipeline, bare servers as a literal frame. */
export const benchEvent = event({
  name: 'bench.eventEmitted',
  summary: 'Benchmark event of typical length',
  payload: shape({ channel: line(60), n: count, text: line(200) }),
  channels: ({ channel }) => [channel],
})

export const text = 'All of it the same to everybody, and once: '.padEnd(120, 'as long as a comment ')

export const dataOf = (channel: string, n: number) => ({ channel, n, text })

/** A frame with one event in Tutti's format, so that all servers send the same number of bytes. */
export const frameOf = (channel: string, n: number, id: string) => ({
  channel,
  epoch: '0123456789ab',
  events: [{ offset: n, id, name: benchEvent.name, at: new Date().toISOString(), data: dataOf(channel, n) }],
})
