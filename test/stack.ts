import { randomUUID } from 'node:crypto'
import { Client } from 'pg'

export const templateDatabase = 'tutti_template'

/** What the set-up started, as a test file sees it. */
export function testStack(): { folder: string; variables: Record<string, string> } {
  const told = process.env.TUTTI_TEST_STACK
  if (told === undefined) throw new Error('the global set-up has not run')
  return JSON.parse(told) as { folder: string; variables: Record<string, string> }
}

export interface FreshDatabase extends AsyncDisposable {
  url: string
}

/** A database of one's own: a clone of the migrated template, or an empty one. */
export async function freshDatabase(template: string | null = templateDatabase): Promise<FreshDatabase> {
  const name = `tutti_${randomUUID().replaceAll('-', '')}`
  const url = new URL(testStack().variables.DATABASE_URL ?? '')
  await asAdmin(`create database ${name}${template === null ? '' : ` template ${template} strategy file_copy`}`)
  url.pathname = `/${name}`
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => asAdmin(`drop database if exists ${name} with (force)`),
  }
}

async function asAdmin(sql: string): Promise<void> {
  const client = new Client({ connectionString: testStack().variables.DATABASE_URL })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
