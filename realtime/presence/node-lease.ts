import { randomUUID } from 'node:crypto'
import { describeError } from '../../kernel/platform/log'
import { type AppContext } from '../../kernel/platform/app-context'

export interface NodeLease extends AsyncDisposable {
  /** Id of this node in Redis; a new one after the lease was lost. */
  readonly nodeId: string
  /** Renews the lease now. Never rejects. */
  renew(): Promise<void>
}

interface LeaseCallbacks {
  /** The node has a new id, under which Redis has no data yet. */
  onNewNodeId: () => void
  /** The lease was renewed. */
  onRenewed: () => void
}

/**
 * Renews this node's lease in Redis and removes the presence data of dead nodes. It does so only after its own lease was renewed
 * without a break for a full lease time: after a Redis outage all leases have expired, and live nodes need time to renew theirs.
 */
export function keepNodeLease(app: AppContext, { onNewNodeId, onRenewed }: LeaseCallbacks): NodeLease {
  const { presence } = app
  const { leaseMs, refreshMs } = presence.timings
  const steadyMin = Math.ceil(leaseMs / refreshMs)
  let node = randomUUID().slice(-12)
  let isNew = true
  let steady = 0
  let renewing: Promise<void> | undefined
  let isClosed = false

  async function refresh(): Promise<void> {
    const { state, dead } = await presence.renewLease(node, isNew)
    if (state === 'lost') {
      node = randomUUID().slice(-12)
      isNew = true
      steady = 0
      return refresh()
    }
    const isFirst = isNew
    isNew = false
    steady = state === 'steady' ? steady + 1 : 0
    if (isFirst) onNewNodeId()
    onRenewed()
    if (steady > steadyMin) await sweepAll(app, dead)
  }

  const renew = () =>
    (renewing ??= (isClosed ? Promise.resolve() : refresh())
      .catch((error: unknown) => {
        steady = 0
        app.log.debug(describeError(error), 'could not renew the lease, will retry')
      })
      .finally(() => (renewing = undefined)))

  const timer = setInterval(() => void renew(), refreshMs).unref()
  const onReady = () => void renew()
  app.redis.commands.on('ready', onReady)
  void renew()

  return {
    get nodeId() {
      return node
    },
    renew,
    [Symbol.asyncDispose]: async () => {
      isClosed = true
      clearInterval(timer)
      app.redis.commands.off('ready', onReady)
      await renewing
      await presence.endLease(node).catch(() => undefined)
    },
  }
}

/** Safe on several nodes at once: each channel is swept atomically, and a repeated sweep changes nothing. */
async function sweepAll(
  { presence, metrics }: AppContext,
  dead: readonly { node: string; sinceMs: number }[],
): Promise<void> {
  for (const { node, sinceMs } of dead) {
    for (const channel of await presence.channelsOf(node)) await presence.removeDeadNode(channel, node)
    await presence.forgetNode(node)
    metrics.presenceSweeps.inc()
    metrics.presenceSweepLag.observe(sinceMs / 1000)
  }
}
