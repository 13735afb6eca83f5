import { type Client, createClient } from '../../client'
import { type FollowerOptions } from './follower'
import { ChannelReplica } from './channel-replica'

const transports = ['socket', 'sse', 'long-poll'] as const

/** A follower that uses our client and applies events as it delivers them, without checks of its own. */
export class ClientFollower {
  readonly replicas: readonly ChannelReplica[]
  private readonly client: Client

  /** All its connections go through one URL, as with a load balancer. */
  constructor(
    readonly options: FollowerOptions,
    balancer: string,
  ) {
    this.replicas = options.channels.map(channel => new ChannelReplica(channel))
    this.client = createClient({ url: balancer, token: options.token })
    for (const side of this.replicas) void this.follow(side)
  }

  /** Switches to a random transport. */
  changeTransport(): void {
    this.client.useTransport(this.options.random.pick(transports))
  }

  async close(): Promise<void> {
    await this.client.close()
  }

  private async follow(side: ChannelReplica): Promise<void> {
    const following = await this.client.follow(side.channel, {
      onEvent: event => side.applyEvent(event),
      onGap: () => (side.resets += 1),
      onClosed: ({ code }) => {
        if (code !== 'client_closed') side.protocolViolations.push(`the client gave up: ${code}`)
      },
    })
    // No event has been written yet.
    side.position ??= following.position
  }
}
