import { type Client, createClient } from '../../client'
import { type FollowerWish } from './follower'
import { Side } from './side'

const transports = ['socket', 'sse', 'long-poll'] as const

/** A follower that uses our client and applies events as it delivers them, without checks of its own. */
export class ClientFollower {
  readonly sides: readonly Side[]
  private readonly client: Client

  /** All its connections go through one URL, as with a load balancer. */
  constructor(
    readonly wish: FollowerWish,
    balancer: string,
  ) {
    this.sides = wish.channels.map(channel => new Side(channel))
    this.client = createClient({ url: balancer, token: wish.token })
    for (const side of this.sides) void this.follow(side)
  }

  /** Switches to a random transport. */
  changeTransport(): void {
    this.client.useTransport(this.wish.random.pick(transports))
  }

  async leave(): Promise<void> {
    await this.client.close()
  }

  private async follow(side: Side): Promise<void> {
    const following = await this.client.follow(side.channel, {
      onEvent: event => side.given(event),
      onGap: () => (side.resets += 1),
      onClosed: ({ code }) => {
        if (code !== 'closed') side.lies.push(`the client gave up: ${code}`)
      },
    })
    // No event has been written yet.
    side.position ??= following.position
  }
}
