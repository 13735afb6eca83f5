import { parseArgs } from 'node:util'
import { readEnvironment } from '../kernel/platform/config'
import { readPort, readRunningStack } from './running-stack'

const usage = 'npm run -s token -- <name> [--role moderator] [--ttl 3600]'

/** Prints an access token of the development issuer for a user name, in place of a real sign-in. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { role: { type: 'string', multiple: true }, ttl: { type: 'string' } },
  })
  const [subject] = positionals
  if (subject === undefined || positionals.length > 1) throw new Error(`Usage: ${usage}`)
  const port = readPort(readEnvironment())
  const running = await readRunningStack(port)
  if (running?.issuer === undefined)
    throw new Error(`No stack is running on port ${port}. Start one with \`npm start\`.`)
  const response = await fetch(`${running.issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      subject,
      ...(values.role === undefined ? {} : { roles: values.role }),
      ...(values.ttl === undefined ? {} : { ttlSeconds: Number(values.ttl) }),
    }),
  })
  const answer = (await response.json()) as { access_token?: string; message?: string; error?: string }
  if (answer.access_token === undefined)
    throw new Error(`The issuer refused: ${answer.message ?? answer.error ?? response.statusText}`)
  process.stdout.write(`${answer.access_token}\n`)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
