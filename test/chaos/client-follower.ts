import { type Client, createClient } from '../../client'
import { type FollowerWish } from './follower'
import { Side } from './side'

const transports = ['socket', 'sse', 'long-poll'] as const

/** An application with our own client. It takes what it is given as it comes: all the care is the client's. */
export class ClientFollower {
  readonly sides: readonly Side[]
  private readonly client: Client

  /** All its connections go through one address, as through a load balancer. */
  constructor(
    readonly wish: FollowerWish,
    balancer: string,
  ) {
    this.sides = wish.channels.map(channel => new Side(channel))
    this.client = createClient({ url: balancer, token: wish.token })
    for (const side of this.sides) void this.follow(side)
  }

  /** From now on only this one, chosen by chance. */
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
    // Nobody has written yet.
    side.position ??= following.position
  }
}
