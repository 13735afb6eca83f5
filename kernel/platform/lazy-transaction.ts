import { type Client, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg'

export type LazyTransaction = ReturnType<typeof createLazyTransaction>

/**
 * Wraps a client so that BEGIN is sent with the first statement, in the same packet. Without statements no transaction is
 * opened, and a single `commitWith` runs in the statement's implicit transaction.
 */
export function createLazyTransaction(client: Client, begin: string) {
  let beginSent: Promise<unknown> | undefined
  const query = client.query.bind(client) as (...args: unknown[]) => unknown

  const connection = Object.assign(Object.create(client) as Client, {
    query: (...args: unknown[]): unknown => {
      if (beginSent !== undefined) return query(...args)
      return inOneWrite(client, () => {
        beginSent = client.query(begin)
        // If the connection drops, the statement after it fails too and reports the error.
        beginSent.catch(() => undefined)
        return query(...args)
      })
    },
  })

  async function commit(): Promise<void> {
    if (beginSent === undefined) return
    await beginSent
    assertCommitted(await client.query('commit'))
  }

  return {
    /** Proxy of the client; only `query` differs. */
    connection,

    commit,

    commitWith: async <R extends QueryResultRow>(statement: QueryConfig): Promise<QueryResult<R>> => {
      if (beginSent === undefined) return client.query<R>(statement)
      const [answer, commitResult] = await inOneWrite(client, () =>
        Promise.all([client.query<R>(statement), client.query('commit'), beginSent]),
      )
      assertCommitted(commitResult)
      return answer
    },

    rollback: async (): Promise<void> => {
      if (beginSent !== undefined) await client.query('rollback')
    },
  }
}

/** COMMIT of an aborted transaction answers ROLLBACK without an error. Throw, in case the caller swallowed the error. */
function assertCommitted({ command }: QueryResult): void {
  if (command !== 'COMMIT') throw new Error('the transaction was aborted before its commit')
}

/** Corks the socket, so that all queries leave in one write. Needs a client that pipelines its queries. */
function inOneWrite<T>({ connection: { stream } }: Client, send: () => T): T {
  stream.cork()
  try {
    return send()
  } finally {
    stream.uncork()
  }
}
