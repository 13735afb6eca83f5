import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStack } from '../dev/stack'
import { migrateUp } from '../migrations/migrate'
import { templateDatabase } from './stack'

/** Once for all test files: the embedded stack, and a template database that each file clones. */
export default async function setUp(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-test-'))
  const stack = await startStack({ folder, durable: false, maxConnections: 300, log: line => console.log(line) })
  globalThis.tearDownStack = async () => {
    await stack[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  }
  if (stack.postgres === undefined) throw new Error('the tests start their own PostgreSQL')
  await stack.postgres.createDatabase(templateDatabase)
  await migrateUp(stack.postgres.databaseUrl(templateDatabase))
  process.env.TUTTI_TEST_STACK = JSON.stringify({ folder, variables: stack.variables })
}

declare global {
  var tearDownStack: (() => Promise<void>) | undefined
}
