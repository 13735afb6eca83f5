import { type Application } from 'express'
import { type AppContext } from '../kernel/platform/app-context'
import { missingMigrations } from '../migrations/migrate'

const checkTimeoutMs = 2_000

/** Shared flag: the process is not ready while it drains. */
export interface Readiness {
  draining: boolean
}

/** Serves `/health/live` (the process responds), `/health/ready` (200, or 503 with the failed checks) and `/metrics`. */
export function serveHealth(expressApp: Application, app: AppContext, readiness: Readiness): void {
  expressApp.get('/health/live', (_request, response) => {
    response.json({ status: 'ok' })
  })
  expressApp.get('/health/ready', async (_request, response) => {
    const checks = await checkAll(app, readiness)
    const ready = Object.values(checks).every(check => check === 'ok')
    response.status(ready ? 200 : 503).json({ status: ready ? 'ok' : 'not ready', checks })
  })
  expressApp.get('/metrics', async (_request, response) => {
    const { registry } = app.metrics
    response.type(registry.contentType).send(await registry.metrics())
  })
}

async function checkAll(app: AppContext, readiness: Readiness): Promise<Record<string, string>> {
  const [database, redis, migrations] = await Promise.all([
    check(() => app.db.ping(), 'does not answer'),
    check(() => app.redis.ping(), 'does not answer'),
    check(() => checkMigrations(app), 'could not be read'),
  ])
  return { database, redis, migrations, process: readiness.draining ? 'is draining' : 'ok' }
}

async function checkMigrations(app: AppContext): Promise<string | undefined> {
  const missing = await missingMigrations(sql => app.db.query(sql))
  return missing.length === 0 ? undefined : `missing: ${missing.join(', ')}`
}

/** Runs a check: its message, 'ok' without one, or `failed` when it throws or times out. */
async function check(run: () => Promise<string | void>, failed: string): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<string>(resolve => {
    timer = setTimeout(() => resolve(failed), checkTimeoutMs)
  })
  try {
    return (await Promise.race([run(), timeout])) ?? 'ok'
  } catch {
    return failed
  } finally {
    clearTimeout(timer)
  }
}
