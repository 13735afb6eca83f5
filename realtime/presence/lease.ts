import { randomUUID } from 'node:crypto'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'

export interface Lease extends AsyncDisposable {
  /** Id of this node in Redis; a new one after the lease was lost. */
  readonly node: string
  /** Renews the lease now. Never rejects. */
  renew(): Promise<void>
}

interface LeaseCallbacks {
  /** The node has a new id, under which Redis has no data yet. */
  begunAnew: () => void
  /** The lease was renewed. */
  beat: () => void
}

/**
 * Renews this node's lease in Redis and removes the presence data of dead nodes. It does so only after its own lease was renewed
 * without a break for a full lease time: after a Redis outage all leases have expired, and live nodes need time to renew theirs.
 */
export function keepLease(world: World, { begunAnew, beat }: LeaseCallbacks): Lease {
  const { presence } = world
  const { leaseMs, refreshMs } = presence.times
  const steadyMin = Math.ceil(leaseMs / refreshMs)
  let node = randomUUID().slice(-12)
  let isNew = true
  let steady = 0
  let renewing: Promise<void> | undefined
  let isClosed = false

  async function refresh(): Promise<void> {
    const { state, dead } = await presence.refresh(node, isNew)
    if (state === 'lost') {
      node = randomUUID().slice(-12)
      isNew = true
      steady = 0
      return refresh()
    }
    const isFirst = isNew
    isNew = false
    steady = state === 'steady' ? steady + 1 : 0
    if (isFirst) begunAnew()
    beat()
    if (steady > steadyMin) await sweepAll(world, dead)
  }

  const renew = () =>
    (renewing ??= (isClosed ? Promise.resolve() : refresh())
      .catch((error: unknown) => {
        steady = 0
        world.log.debug(describeError(error), 'could not renew the lease, will retry')
      })
      .finally(() => (renewing = undefined)))

  const timer = setInterval(() => void renew(), refreshMs).unref()
  const onReady = () => void renew()
  world.redis.commands.on('ready', onReady)
  void renew()

  return {
    get node() {
      return node
    },
    renew,
    [Symbol.asyncDispose]: async () => {
      isClosed = true
      clearInterval(timer)
      world.redis.commands.off('ready', onReady)
      await renewing
      await presence.resign(node).catch(() => undefined)
    },
  }
}

/** Safe on several nodes at once: each channel is swept atomically, and a repeated sweep changes nothing. */
async function sweepAll(
  { presence, metrics }: World,
  dead: readonly { node: string; sinceMs: number }[],
): Promise<void> {
  for (const { node, sinceMs } of dead) {
    for (const channel of await presence.channelsOf(node)) await presence.sweep(channel, node)
    await presence.forget(node)
    metrics.presenceSweeps.inc()
    metrics.presenceSweepLag.observe(sinceMs / 1000)
  }
}
