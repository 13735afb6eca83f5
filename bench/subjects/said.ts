import { event } from '../../kernel/event'
import { count, line, shape } from '../../kernel/schema'

/** What all subjects tell their followers: Tutti as an event of its pipeline, the others as it is. */
export const said = event({
  name: 'bench.said',
  summary: 'Something of an ordinary length was said.',
  payload: shape({ channel: line(60), n: count, text: line(200) }),
  channels: ({ channel }) => [channel],
})

export const text = 'All of it the same to everybody, and once: '.padEnd(120, 'as long as a comment ')

export const dataOf = (channel: string, n: number) => ({ channel, n, text })

/** The frame in which Tutti sends one event, so that nobody sends more bytes than another. */
export const frameOf = (channel: string, n: number, id: string) => ({
  channel,
  epoch: '0123456789ab',
  events: [{ offset: n, id, name: said.name, at: new Date().toISOString(), data: dataOf(channel, n) }],
})
