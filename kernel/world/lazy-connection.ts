import { type Client, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg'

export type LazyConnection = ReturnType<typeof beginWithFirst>

/**
 * A connection whose transaction begins with the first statement that is asked of it, in the same packet. With none there is
 * nothing to end, and one that is the first and the last is a transaction by itself.
 */
export function beginWithFirst(client: Client, begin: string) {
  let begun: Promise<unknown> | undefined
  const query = client.query.bind(client) as (...sent: unknown[]) => unknown

  const connection = Object.assign(Object.create(client) as Client, {
    query: (...sent: unknown[]): unknown => {
      if (begun !== undefined) return query(...sent)
      return together(client, () => {
        begun = client.query(begin)
        // A connection that is cut fails the statement behind it too, which tells.
        begun.catch(() => undefined)
        return query(...sent)
      })
    },
  })

  async function commit(): Promise<void> {
    if (begun === undefined) return
    await begun
    isCommitted(await client.query('commit'))
  }

  return {
    /** What may be asked within the transaction; all else belongs to the client. */
    connection,

    commit,

    commitWith: async <R extends QueryResultRow>(statement: QueryConfig): Promise<QueryResult<R>> => {
      if (begun === undefined) return client.query<R>(statement)
      const [answer, ended] = await together(client, () =>
        Promise.all([client.query<R>(statement), client.query('commit'), begun]),
      )
      isCommitted(ended)
      return answer
    },

    rollback: async (): Promise<void> => {
      if (begun !== undefined) await client.query('rollback')
    },
  }
}

/** The commit of a transaction that failed undoes it, without an error: whoever swallowed one must hear of it here. */
function isCommitted({ command }: QueryResult): void {
  if (command !== 'COMMIT') throw new Error('the transaction had failed before its commit')
}

/** In one write to the network, of a client that does not wait for one answer before it sends the next. */
function together<T>({ connection: { stream } }: Client, send: () => T): T {
  stream.cork()
  try {
    return send()
  } finally {
    stream.uncork()
  }
}
