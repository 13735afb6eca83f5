import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStack } from '../dev/stack'
import { prepareCluster } from './prepared-cluster'
import { runFolder } from './run-folder'

/** Once for all test files: the embedded stack, and a template database that each file clones. */
export default async function setUp(): Promise<void> {
  const folder = await runFolder(tmpdir())
  const removeCluster = await prepareCluster(join(folder, 'postgres'))
  const stack = await startStack({ folder, durable: false, maxConnections: 300, log: line => console.log(line) })
  globalThis.tearDownStack = async () => {
    await stack[Symbol.asyncDispose]()
    await removeCluster()
    await rm(folder, { recursive: true, force: true })
  }
  process.once('disconnect', () => void tearDownAndExit(1))
  // Else jest would wait for it.
  process.channel?.unref()
  for (const [signal, code] of Object.entries(endings)) process.once(signal, () => void tearDownAndExit(code))
  if (stack.postgres === undefined) throw new Error('the tests start their own PostgreSQL')
  process.env.TUTTI_TEST_STACK = JSON.stringify({ folder, variables: stack.variables })
}

/** Jest itself would end without a teardown; its workers end with it. */
const endings = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

async function tearDownAndExit(code: number): Promise<void> {
  await globalThis.tearDownStack?.().catch(() => undefined)
  process.exit(code)
}

declare global {
  var tearDownStack: (() => Promise<void>) | undefined
}
