import { nodesKey } from './presence'
import { nowInRedis } from './presence-scripts'
import { type RedisClients } from './redis'

/** Nodes tell their seats again far more often. */
const keptMs = 3_600_000

export type Seats = ReturnType<typeof createSeats>

/** How many sockets a person has on each node. Those of a node whose lease has lapsed do not count. */
export function createSeats({ commands }: RedisClients) {
  commands.defineCommand('seatTake', { numberOfKeys: 2, lua: take })
  commands.defineCommand('seatLeave', { numberOfKeys: 1, lua: leave })
  const scripts = commands as unknown as Scripts
  const keyOf = (person: string) => `seats:${person}`

  return {
    /** Whether there was one left of `max`. */
    async take(person: string, node: string, max: number): Promise<boolean> {
      return (await scripts.seatTake(keyOf(person), nodesKey, node, max, keptMs)) === 1
    },

    async leave(person: string, node: string): Promise<void> {
      await scripts.seatLeave(keyOf(person), node)
    },

    /** How many each of these has on a node, whatever Redis thought. */
    async state(node: string, held: readonly { person: string; count: number }[]): Promise<void> {
      const telling = commands.pipeline()
      for (const { person, count } of held)
        if (count === 0) telling.hdel(keyOf(person), node)
        else telling.hset(keyOf(person), node, count).pexpire(keyOf(person), keptMs)
      const failed = (await telling.exec())?.find(([error]) => error !== null)
      if (failed !== undefined) throw failed[0] ?? new Error('seats were not told')
    },
  }
}

interface Scripts {
  seatTake(...args: [seats: string, nodes: string, node: string, max: number, keptMs: number]): Promise<number>
  seatLeave(seats: string, node: string): Promise<number>
}

const take = `
${nowInRedis}
local held, total = redis.call('hgetall', KEYS[1]), 0
for n = 1, #held, 2 do
  local lease = redis.call('zscore', KEYS[2], held[n])
  if held[n] ~= ARGV[1] and (not lease or tonumber(lease) < now) then redis.call('hdel', KEYS[1], held[n])
  else total = total + held[n + 1] end
end
if total >= tonumber(ARGV[2]) then return 0 end
redis.call('hincrby', KEYS[1], ARGV[1], 1)
redis.call('pexpire', KEYS[1], ARGV[3])
return 1
`

const leave = `
local left = redis.call('hincrby', KEYS[1], ARGV[1], -1)
if left <= 0 then redis.call('hdel', KEYS[1], ARGV[1]) end
return left
`
