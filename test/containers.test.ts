import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { parse } from 'yaml'
import { nodeOptions } from '../bench/machine'
import { findFreePort } from '../dev/processes/find-free-port'
import { readConfig, variableNames } from '../kernel/platform/config'
import { createMetrics } from '../kernel/platform/metrics'
import { testStack } from './stack'
import { createTestApp } from './test-app'

const root = resolve(__dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

interface Service {
  image: string
  read_only?: boolean
  cap_drop?: string[]
  security_opt?: string[]
  mem_limit?: string
  pids_limit?: number
  stop_grace_period?: string
  restart?: string
  logging?: { options?: Record<string, string> }
  ports?: string[]
  volumes?: string[]
  tmpfs?: string[]
  command?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test?: string[]; disable?: boolean }
}

const composeText = read('docker-compose.yml')
const compose = parse(composeText, { merge: true }) as {
  services: Record<string, Service>
  volumes: Record<string, object>
}
const services = Object.entries(compose.services)
/** Variables that only docker-compose itself reads. */
const composeVariables = ['MEDIA_HOST', 'POSTGRES_PASSWORD', 'TUTTI_VERSION']

describe('docker-compose', () => {
  const ownServices = services.filter(([, { image }]) => image.startsWith('tutti:'))

  it('runs two nodes, a worker, a migration and what they need', () => {
    expect(Object.keys(compose.services).sort()).toEqual(
      ['app-1', 'app-2', 'bucket', 'migrate', 'nginx', 'postgres', 'redis', 'rustfs', 'worker'].sort(),
    )
    expect(ownServices.map(([name]) => name)).toEqual(['app-1', 'app-2', 'worker', 'migrate', 'bucket'])
  })

  it.each(ownServices)('gives %s exactly the variables that the server reads, with valid values', (name, service) => {
    const environment = service.environment ?? {}
    expect(Object.keys(environment).sort()).toEqual([...variableNames].sort())
    const config = readConfig(filledIn(environment))
    expect(config).toMatchObject({ production: true, port: 3000, trustedProxies: 1, cdn: undefined })
    expect(config.roles).toEqual([name === 'worker' ? 'worker' : 'web'])
  })

  it('reads only documented variables', () => {
    const mentioned = new Set([...composeText.matchAll(/\$\{([A-Z_\d]+)/g)].map(([, name]) => name))
    const known = new Set([...variableNames, ...composeVariables])
    expect([...mentioned].filter(name => !known.has(name ?? ''))).toEqual([])
    for (const name of composeVariables) expect(read('docs/deployment.md')).toContain(name)
  })

  it('has no default for secrets', () => {
    for (const name of ['POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) {
      expect(composeText).not.toContain(`\${${name}:-`)
      expect(composeText).not.toContain(`\${${name}}`)
    }
  })

  it('publishes ports of nginx only', () => {
    expect(services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)).toEqual(['nginx'])
  })

  it.each(services)('restricts %s', (_name, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      pids_limit: expect.any(Number) as number,
      mem_limit: expect.stringMatching(/^\d+[mg]$/) as string,
      stop_grace_period: '30s',
      logging: { options: { 'max-size': expect.any(String) as string } },
    })
    expect(service.image).toMatch(/:(\d+\.\d+[\w.-]*|\$\{TUTTI_VERSION:-local\})$/)
  })

  it.each(services)(
    'declares the health and dependencies of %s',
    (name, { healthcheck, depends_on: dependencies = {}, restart }) => {
      const passes = restart === 'no'
      expect(healthcheck?.disable === true).toBe(passes)
      for (const [other, { condition }] of Object.entries(dependencies))
        expect(condition).toBe(
          compose.services[other]?.restart === 'no' ? 'service_completed_successfully' : 'service_healthy',
        )
    },
  )

  it('mounts only existing files and volumes', () => {
    for (const [, { volumes = [] }] of services)
      for (const [from = ''] of volumes.map(volume => volume.split(':')))
        expect(from.startsWith('./') ? existsSync(join(root, from)) : from in compose.volumes).toBe(true)
  })

  it('matches the upstreams of nginx', () => {
    const nodes = [...read('nginx/site/nodes.conf').matchAll(/^server ([\w-]+):(\d+) /gm)]
    expect(nodes.map(([, host]) => host)).toEqual(['app-1', 'app-2'])
    for (const [, host = '', port] of nodes) expect(compose.services[host]?.environment?.PORT).toBe(port)
    expect(read('nginx/extra/bucket.conf')).toContain('rustfs:9000')
  })

  it('creates the bucket, and tolerates an existing one', async () => {
    const { variables } = testStack()
    const env = { ...variables, S3_BUCKET_NAME: `made-by-compose-${process.pid}` }
    const command = compose.services.bucket?.command ?? []
    expect([await run(command, env), await run(command, env)]).toEqual([0, 0])
    const { AWS_REGION: region = '', S3_ENDPOINT: endpoint = '' } = variables
    const credentials = {
      accessKeyId: variables.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: variables.AWS_SECRET_ACCESS_KEY ?? '',
    }
    const s3 = new S3Client({ region, endpoint, forcePathStyle: true, credentials })
    await expect(s3.send(new HeadBucketCommand({ Bucket: env.S3_BUCKET_NAME }))).resolves.toBeDefined()
    s3.destroy()
  })
})

describe('the image', () => {
  const instructions = read('Dockerfile')
    .replaceAll(/\\\n/g, '')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => ({ name: line.split(' ', 1)[0] ?? '', rest: line.slice(line.indexOf(' ') + 1).trim() }))
  const all = (wanted: string) => instructions.filter(({ name }) => name === wanted).map(({ rest }) => rest)
  const last = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'))
  const inLast = (wanted: string) => last.filter(({ name }) => name === wanted).map(({ rest }) => rest)
  const copied = all('COPY')
    .filter(rest => !rest.startsWith('--from'))
    .flatMap(rest => rest.split(' ').slice(0, -1))

  it('is built in stages on one pinned base', () => {
    const bases = new Set(all('FROM').map(rest => rest.split(' ')[0]))
    expect(all('FROM').length).toBeGreaterThan(1)
    expect([...bases]).toEqual([expect.stringMatching(/^node:\d+\.\d+\.\d+-\w+-slim$/)])
    expect(all('RUN').filter(rest => rest.includes('npm ci') && !rest.includes('--ignore-scripts'))).toEqual([])
    expect(all('RUN').join('\n')).toContain('npm ci --omit=dev --ignore-scripts')
  })

  it('starts without a shell and privileges, and stops on SIGTERM', () => {
    expect(inLast('USER')).toEqual(['10001:10001'])
    expect(last.findIndex(({ name }) => name === 'USER')).toBeLessThan(last.findIndex(({ name }) => name === 'CMD'))
    expect(inLast('STOPSIGNAL')).toEqual(['SIGTERM'])
    expect(JSON.parse(inLast('ENTRYPOINT')[0] ?? '')).toEqual(['/usr/bin/tini', '--'])
    expect(JSON.parse(inLast('CMD')[0] ?? '')).toEqual([
      'node',
      '--enable-source-maps',
      ...nodeOptions,
      'dist/server/main.js',
    ])
    expect(compose.services.migrate?.command).toEqual(['node', 'dist/migrations/run.js'])
  })

  it('contains every file that its programs import', () => {
    const files = [...importedFrom('server/main.ts'), ...importedFrom('migrations/run.ts')]
    expect(files.filter(file => !copied.some(folder => file.startsWith(`${folder}/`)))).toEqual([])
  })

  it('receives exactly the files that it copies', () => {
    const [first, ...allowed] = read('.dockerignore')
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
    expect(first).toBe('*')
    expect([...new Set(copied)].sort()).toEqual(allowed.map(line => line.replace('!', '')).sort())
    expect(copied.filter(path => !existsSync(join(root, path)))).toEqual([])
    for (const path of ['.env', '.git', '.tutti', 'node_modules', 'dist']) expect(copied).not.toContain(path)
  })

  it('checks its health by a request to the process', async () => {
    await using testApp = await createTestApp({ nodes: 1 })
    const [node] = testApp.nodes
    const check = JSON.parse(inLast('HEALTHCHECK')[0]?.replace(/^.*CMD /, '') ?? '') as string[]
    const readiness = compose.services['app-1']?.healthcheck?.test?.slice(1) ?? []
    const [running, stopped] = [{ PORT: String(node?.port) }, { PORT: String(await findFreePort()) }]
    expect([await run(check, running), await run(check, stopped)]).toEqual([0, 1])
    expect([await run(readiness, running), await run(readiness, stopped)]).toEqual([0, 1])
  })
})

describe('the deployment guide', () => {
  const guideText = read('docs/deployment.md')

  it('names only existing metrics and variables', async () => {
    const measured = await createMetrics().registry.getMetricsAsJSON()
    const names = new Set(measured.map(({ name }) => name))
    const named = [...guideText.matchAll(/`(tutti_[a-z\d]+_[a-z\d_]+|tutti_sockets)`/g)].map(([, name]) => name ?? '')
    expect(named.filter(name => name !== 'tutti_next' && !names.has(name))).toEqual([])

    const variables = [...guideText.matchAll(/`([A-Z]+(?:_[A-Z\d]+)+)`/g)].map(([, name]) => name ?? '')
    expect(variables.filter(name => ![...variableNames, ...composeVariables].includes(name))).toEqual([])
  })

  it('contains valid JSON policies', () => {
    const policies = [...guideText.matchAll(/```json\n(.*?)```/gs)].map(([, json]) => JSON.parse(json ?? '') as unknown)
    expect(policies).toHaveLength(4)
  })

  it('contains working queue queries', async () => {
    await using testApp = await createTestApp({ nodes: 1 })
    const queries = [...guideText.matchAll(/`(select [^`]+)`/g)].map(([, sql]) => sql ?? '')
    expect(queries).toHaveLength(5)
    for (const sql of queries) expect(await testApp.app.db.query(sql)).toHaveLength(1)
  })
})

describe('.env.example', () => {
  it('lists every variable and sets none', () => {
    const names = read('.env.example').split('\n')
    const named = names.flatMap(line => /^#([A-Z][A-Z\d_]*)=/.exec(line)?.[1] ?? [])
    expect(named.sort()).toEqual([...variableNames].sort())
    expect(names.filter(line => line !== '' && !line.startsWith('#'))).toEqual([])
  })
})

describe('the CI workflow', () => {
  interface Job {
    'timeout-minutes'?: number
    steps: { uses?: string; run?: string }[]
  }
  const workflow = parse(read('.github/workflows/ci.yml')) as {
    permissions: Record<string, string>
    concurrency: object
    jobs: Record<string, Job> & { test: Job & { strategy: { matrix: { node: string[] } } } }
  }
  const jobs = Object.values(workflow.jobs)

  it('runs the submission checks, on the oldest supported Node and on that of the image', () => {
    const required = read('.ci/run')
      .split('\n')
      .filter(line => line.startsWith('npm '))
    expect(required).toHaveLength(2)
    expect(workflow.jobs.test.steps.flatMap(({ run: command }) => command ?? [])).toEqual(required)
    const [oldest, newest] = workflow.jobs.test.strategy.matrix.node
    expect(`>=${oldest ?? ''}`).toBe((JSON.parse(read('package.json')) as { engines: { node: string } }).engines.node)
    expect(read('Dockerfile')).toContain(`FROM node:${newest ?? ''}.`)
  })

  it('has read-only permissions and a time limit', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' })
    expect(workflow.concurrency).toBeDefined()
    for (const job of jobs) expect(job['timeout-minutes']).toBe(20)
  })

  it('pins its actions to exact versions', () => {
    const used = jobs.flatMap(({ steps }) => steps.flatMap(({ uses }) => uses ?? []))
    expect(used.length).toBeGreaterThan(0)
    expect(used.filter(action => !/@(v\d+\.\d+\.\d+|[\da-f]{40})$/.test(action))).toEqual([])
  })
})

/** Substitutes variables as docker-compose does, with all required ones set. */
function filledIn(environment: Record<string, string>): Record<string, string> {
  const values: Record<string, string> = {
    AUTH_SERVER_JWKS_URL: 'https://auth.example/jwks.json',
    AUTH_ISSUER: 'https://auth.example',
    ALLOWED_ORIGINS: 'https://tutti.example',
  }
  const fill = (_all: string, name: string, mode: string, rest: string) =>
    values[name] ?? (mode === ':?' ? `some${name}` : rest)
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replaceAll(/\$\{([A-Z_\d]+)(:[-?])([^}]*)\}/g, fill),
    ]),
  )
}

/** A file and all files that it imports, directly or indirectly. */
function importedFrom(entry: string): Set<string> {
  const seen = new Set<string>()
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const [, target = ''] of read(path).matchAll(/from '(\.[^']*)'/g)) {
      const base = join(dirname(path), target)
      const candidates = base.endsWith('.json') ? [base] : [`${base}.ts`, join(base, 'index.ts')]
      const found = candidates.find(candidate => existsSync(join(root, candidate)))
      if (found === undefined) throw new Error(`${path} imports ${target}, which is not there`)
      visit(found)
    }
  }
  visit(entry)
  return seen
}

/** Runs a container's command locally with these variables; returns its exit code. */
async function run([program, ...parameters]: readonly string[], env: Record<string, string>): Promise<number | null> {
  expect(program).toBe('node')
  const child = spawn(process.execPath, parameters, { cwd: root, env, stdio: 'ignore' })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}
