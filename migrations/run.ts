import { migrateDown, migrateUp } from './migrate'
import { migrations } from '.'

const usage = `Usage: npm run migrate               up to the newest
       npm run migrate -- down NAME   run down to and including NAME ('0': all)`

/** Migrates the database of DATABASE_URL. */
async function main([direction = 'up', to]: readonly string[]): Promise<void> {
  const url = process.env.DATABASE_URL
  if (url === undefined || url === '') throw new Error('Set DATABASE_URL to the database that is to be migrated.')
  const isKnown = to === '0' || migrations.some(({ name }) => name === to)
  if (direction === 'up' && to === undefined) print('up', await migrateUp(url))
  else if (direction === 'down' && to !== undefined && isKnown)
    print('down', await migrateDown(url, to === '0' ? 0 : to))
  else throw new Error(usage)
}

function print(direction: string, names: readonly string[]): void {
  process.stdout.write(names.length === 0 ? 'Nothing to do.\n' : names.map(name => `${direction} ${name}\n`).join(''))
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
