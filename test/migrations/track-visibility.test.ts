import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { migrateDown, migrateUp } from '../../migrations/migrate'
import { whoMayHear } from '../../migrations/2026-11-23-20-who-may-hear'
import { type FreshDatabase, freshDatabase } from '../stack'

let database: FreshDatabase
let client: Client
let ownerId: string
beforeEach(async () => {
  database = await freshDatabase()
  client = new Client({ connectionString: database.url })
  await client.connect()
  ownerId = randomUUID()
  await client.query(
    `insert into profiles (id, subject, handle, display_name, created_at) values ($1, 's', 'ann', 'Ann', now())`,
    [ownerId],
  )
})
afterEach(async () => {
  await client.end()
  await database[Symbol.asyncDispose]()
})

/** As the release before inserts. */
const insert = (count: number, visibility: string) =>
  client.query(
    `insert into tracks (id, owner_id, title, visibility, state, created_at)
     select gen_random_uuid(), $1, 'A track', $2, 'processing', now() from generate_series(1, $3)`,
    [ownerId, visibility, count],
  )

async function secrets(): Promise<string[]> {
  const { rows } = await client.query<{ secret: string }>('select secret from tracks')
  return rows.map(({ secret }) => secret)
}

it('gives every track a secret of its own, also those that the release before makes from then on', async () => {
  await migrateDown(database.url, whoMayHear.name)
  await insert(12_000, 'unlisted')
  await migrateUp(database.url)
  await insert(1, 'private')
  const made = await secrets()
  expect(made).toHaveLength(12_001)
  expect(new Set(made).size).toBe(12_001)
  expect(made.every(secret => /^[\w-]{43}$/.test(secret))).toBe(true)
})

it('leaves hidden, when it is taken back, what not everybody might hear', async () => {
  for (const visibility of ['public', 'followers', 'unlisted']) await insert(1, visibility)
  await migrateDown(database.url, whoMayHear.name)
  const { rows } = await client.query('select visibility from tracks order by visibility')
  expect(rows).toEqual([{ visibility: 'private' }, { visibility: 'private' }, { visibility: 'public' }])
})

it('goes on where it broke off', async () => {
  await insert(3, 'unlisted')
  await client.query('update tracks set secret = null')
  await client.query('delete from migrations where name = $1', [whoMayHear.name])
  expect(await migrateUp(database.url)).toEqual([whoMayHear.name])
  expect((await secrets()).every(secret => secret.length === 43)).toBe(true)
})
