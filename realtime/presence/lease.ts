import { randomUUID } from 'node:crypto'
import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'

export interface Lease extends AsyncDisposable {
  /** Who this node is to the others; another one after its lease was lost. */
  readonly node: string
  /** Renews the lease now. Never rejects. */
  renew(): Promise<void>
}

interface Concerns {
  /** The node has a new id: under it Redis knows nothing of ours. */
  begunAnew: () => void
  /** The lease was renewed. */
  beat: () => void
}

/**
 * Keeps this node's lease in Redis, and sweeps what dead nodes left there. It sweeps only after its own lease has gone on
 * unbroken for as long as a lease lasts: when Redis was away, all leases have lapsed, and the others need a moment.
 */
export function keepLease(world: World, { begunAnew, beat }: Concerns): Lease {
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
        world.log.debug(describeError(error), 'the lease was not renewed')
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

/** Several nodes may do so at once: each channel is swept in one step, and what is gone is gone. */
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
