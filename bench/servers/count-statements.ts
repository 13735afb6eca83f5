import { AsyncLocalStorage } from 'node:async_hooks'
import { Client } from 'pg'
import { nowUs } from './server'

/**
 * Counts all statements of this process by connection and statement, and times commits. Patches `Client.prototype.query` of pg.
 * Counts from the first `take` on, because counting adds to the measured cost of a call.
 */
export function countStatements() {
  const counts: Record<string, number> = {}
  let isCounting = false
  const committed = new AsyncLocalStorage<{ atUs: number }>()
  const { query } = Client.prototype as unknown as { query: (this: Client, ...args: unknown[]) => unknown }

  Client.prototype.query = function (this: Client, ...args: unknown[]) {
    if (isCounting) {
      const name = `${applicationNameOf(this)}: ${labelOf(args[0])}`
      counts[name] = (counts[name] ?? 0) + 1
    }
    const timing = committed.getStore()
    const result = query.apply(this, args)
    if (timing === undefined || !isCommit(args[0]) || !(result instanceof Promise)) return result
    return result.finally(() => (timing.atUs = nowUs()))
  } as typeof Client.prototype.query

  return {
    /** Counts since the last call; empty the first time. */
    take(): Record<string, number> {
      isCounting = true
      const taken = { ...counts }
      for (const name of Object.keys(counts)) Reflect.deleteProperty(counts, name)
      return taken
    },
    /** Runs `work` and returns when its transaction was committed, in microseconds of `nowUs`. */
    async committedAt(work: () => Promise<unknown>): Promise<number> {
      const timing = { atUs: NaN }
      await committed.run(timing, work)
      return timing.atUs
    },
  }
}

/** The name of a prepared statement, else its text up to the first literal. */
function labelOf(statement: unknown): string {
  const { name, text } =
    typeof statement === 'object' && statement !== null ? (statement as { name?: string; text?: string }) : {}
  const label = name ?? text ?? (typeof statement === 'string' ? statement : 'unknown')
  return label.trim().replace(/'.*/s, '').replace(/\s+/g, ' ').slice(0, 60)
}

/** A single append is an implicit transaction; with an explicit `commit`, that response comes last and counts. */
const isCommit = (statement: unknown): boolean =>
  statement === 'commit' ||
  (typeof statement === 'object' && statement !== null && 'name' in statement && isAppend(statement.name))

const isAppend = (name: unknown): boolean => typeof name === 'string' && name.startsWith('channel-append-')

const applicationNameOf = (client: Client): string => {
  const { connectionParameters } = client as Client & { connectionParameters?: { application_name?: string } }
  return connectionParameters?.application_name ?? 'unnamed'
}
