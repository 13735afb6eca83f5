import { randomUUID } from 'node:crypto'
import { event } from '../kernel/event'
import { count, list, shape, written } from '../kernel/schema'
import { transact } from '../kernel/transact'
import { type World } from '../kernel/world'
import { product } from '../skills'

/** An event that says nothing but its number, on whatever channels. */
export const counted = event({
  name: 'test.counted',
  summary: 'Something was counted.',
  payload: shape({ channels: list(written, 20), n: count }),
  channels: ({ channels }) => channels,
})

/** Announces the numbers in one transaction, as an operation would. */
export const announce = (
  world: World,
  channels: string | readonly string[],
  numbers: readonly number[],
): Promise<void> =>
  transact({ world, product, actor: null, requestId: randomUUID() }, async ({ emit }) => {
    for (const n of numbers) await emit(counted, { channels: [channels].flat(), n })
  })

/** `from` up to, and not with, `to`. */
export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)
