import { AsyncLocalStorage } from 'node:async_hooks'
import { Client } from 'pg'
import { nowUs } from './subject'

/** Counts all statements of this process by connection and kind, and says when a transaction was committed. */
export function watchStatements() {
  const counts: Record<string, number> = {}
  const committed = new AsyncLocalStorage<{ atUs: number }>()
  const { query } = Client.prototype as unknown as { query: (this: Client, ...sent: unknown[]) => unknown }

  Client.prototype.query = function (this: Client, ...sent: unknown[]) {
    const name = `${nameOf(this)}: ${wordsOf(sent[0])}`
    counts[name] = (counts[name] ?? 0) + 1
    const note = committed.getStore()
    const answer = query.apply(this, sent)
    if (note === undefined || !isCommit(sent[0]) || !(answer instanceof Promise)) return answer
    return answer.finally(() => (note.atUs = nowUs()))
  } as typeof Client.prototype.query

  return {
    /** The counts since the last time. */
    take(): Record<string, number> {
      const taken = { ...counts }
      for (const name of Object.keys(counts)) Reflect.deleteProperty(counts, name)
      return taken
    },
    /** Microseconds on the clock of `nowUs` when PostgreSQL had told that the transaction of `work` is committed. */
    async committedAt(work: () => Promise<unknown>): Promise<number> {
      const note = { atUs: NaN }
      await committed.run(note, work)
      return note.atUs
    },
  }
}

/** The name of a prepared statement, else its first words, up to its first value. */
function wordsOf(sent: unknown): string {
  const { name, text } = typeof sent === 'object' && sent !== null ? (sent as { name?: string; text?: string }) : {}
  const words = name ?? text ?? (typeof sent === 'string' ? sent : 'unknown')
  return words.trim().replace(/'.*/s, '').replace(/\s+/g, ' ').slice(0, 60)
}

/** An append by itself is a transaction by itself; where a commit comes with it, that is answered last. */
const isCommit = (sent: unknown): boolean =>
  sent === 'commit' || (typeof sent === 'object' && sent !== null && 'name' in sent && isAppend(sent.name))

const isAppend = (name: unknown): boolean => typeof name === 'string' && name.startsWith('channel-append-')

const nameOf = (client: Client): string => {
  const { connectionParameters } = client as Client & { connectionParameters?: { application_name?: string } }
  return connectionParameters?.application_name ?? 'unnamed'
}
