import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import {
  url,
  boolean,
  line,
  oneOf,
  optional,
  parse,
  pattern,
  shape,
  text,
  type Value,
  integer,
} from '../pipeline/schema'
import { coerceText, jsonSchema } from '../pipeline/schema-inspection'
import { Refusal } from '../pipeline/refusals'

/** All environment variables. A test checks the docs/configuration.md against them. */
const environment = shape({
  NODE_ENV: optional(oneOf('development', 'test', 'production')),
  PORT: optional(integer(0, 65535)),
  ROLES: optional(pattern(/^(web|worker)(,(web|worker))?$/, 20)),
  DRAIN_SECONDS: optional(integer(0, 600)),
  SOCKETS_MAX: optional(integer(1, 1_000_000)),
  EVENT_LOOP_LAG_MAX_MS: optional(integer(10, 600_000)),
  LOG_LEVEL: optional(oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')),
  DATABASE_URL: pattern(/^postgres(ql)?:\/\/\S+$/, 2000),
  DATABASE_POOL_MAX: optional(integer(2, 200)),
  REDIS_HOST: line(255),
  REDIS_PORT: integer(1, 65535),
  REDIS_PASSWORD: optional(line(512)),
  REDIS_TLS: optional(boolean),
  REDIS_PREFIX: optional(pattern(/^[\w:-]+$/, 60)),
  AWS_ACCESS_KEY_ID: optional(line(200)),
  AWS_SECRET_ACCESS_KEY: optional(line(200)),
  AWS_REGION: line(60),
  S3_BUCKET_NAME: pattern(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 63),
  S3_ENDPOINT: optional(url),
  UPLOAD_QUOTA_BYTES: optional(integer(1, Number.MAX_SAFE_INTEGER)),
  AUTH_SERVER_JWKS_URL: url,
  AUTH_ISSUER: url,
  AUTH_AUDIENCE: line(200),
  CLOUDFRONT_DOMAIN: optional(pattern(/^(https?:\/\/)?[A-Za-z0-9.-]+(:\d+)?$/, 255)),
  CLOUDFRONT_KEY_PAIR_ID: optional(line(100)),
  CLOUDFRONT_PRIVATE_KEY: optional(text(10_000)),
  CLOUDFRONT_KEY_PAIR_ID_NEXT: optional(line(100)),
  CLOUDFRONT_PRIVATE_KEY_NEXT: optional(text(10_000)),
  CLOUDFRONT_COOKIE_DOMAIN: optional(pattern(/^\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/, 255)),
  ALLOWED_ORIGINS: optional(line(4000)),
  TRUSTED_PROXIES: optional(integer(0, 10)),
  FFMPEG_PATH: optional(line(1000)),
  FFPROBE_PATH: optional(line(1000)),
  ENCODE_OPUS: optional(boolean),
})

type Environment = Value<typeof environment>

export type Config = ReturnType<typeof toConfig>

export class ConfigError extends Error {
  constructor(readonly errors: readonly string[]) {
    super(`The configuration is not valid:\n${errors.map(error => `  - ${error}`).join('\n')}`)
    this.name = 'ConfigError'
  }
}

/**
 * Parses the configuration, typed and frozen.
 * @throws ConfigError that lists all errors, without the values.
 */
export function readConfig(variables: Readonly<Record<string, string | undefined>>): Config {
  const present: Record<string, string> = {}
  for (const name of variableNames) {
    const value = variables[name]
    if (value !== undefined && value !== '') present[name] = value
  }
  const { value, errors } = check(present)
  const all = [...errors, ...incompleteGroups(present)]
  if (value === undefined || all.length > 0) throw new ConfigError(all)
  return Object.freeze(toConfig(value))
}

export const variableNames: readonly string[] = Object.keys(
  (jsonSchema(environment) as { properties: Record<string, unknown> }).properties,
)

/** The environment of this process; outside production also `.env`, which never overrides it. */
export function readEnvironment(): Record<string, string | undefined> {
  if (process.env.NODE_ENV === 'production') return process.env
  try {
    return { ...parseEnv(readFileSync('.env', 'utf8')), ...process.env }
  } catch {
    return process.env
  }
}

function check(variables: Record<string, unknown>): { value?: Environment; errors: string[] } {
  try {
    return { value: parse(environment, coerceText(environment, variables)), errors: [] }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { errors: (error.extras.errors ?? []).map(({ path, code }) => `${path}: ${messages[code] ?? code}`) }
  }
}

const messages: Record<string, string> = {
  required: 'is missing',
  not_a_number: 'must be a whole number',
  not_an_integer: 'must be a whole number',
  not_a_boolean: 'must be true or false',
  too_large: 'is too large',
  too_small: 'is too small',
  too_long: 'is too long',
  invalid_url: 'must be an http(s) address',
  invalid_url_scheme: 'must be an http(s) address',
  invalid_format: 'has the wrong format',
  not_allowed: 'is not an allowed value',
}

/** Variables that must be set together. */
function incompleteGroups(variables: Record<string, unknown>): string[] {
  const errors: string[] = []
  const groups = [
    ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
    ['CLOUDFRONT_DOMAIN', 'CLOUDFRONT_KEY_PAIR_ID', 'CLOUDFRONT_PRIVATE_KEY'],
    ['CLOUDFRONT_KEY_PAIR_ID_NEXT', 'CLOUDFRONT_PRIVATE_KEY_NEXT'],
  ]
  for (const names of groups) {
    const missing = names.filter(name => variables[name] === undefined)
    if (missing.length > 0 && missing.length < names.length)
      errors.push(
        `${missing.join(', ')}: must be set together with ${names.filter(n => !missing.includes(n)).join(', ')}`,
      )
  }
  return errors
}

function toConfig(env: Environment) {
  const production = env.NODE_ENV === 'production'
  return {
    production,
    /** Expensive checks for tests: validates answers against their schemas, runs reads in read-only transactions. */
    selfChecks: env.NODE_ENV === 'test',
    port: env.PORT ?? 3000,
    roles: (env.ROLES ?? 'web').split(','),
    drainSeconds: env.DRAIN_SECONDS ?? 10,
    socketsMax: env.SOCKETS_MAX ?? 20_000,
    eventLoopLagMaxMs: env.EVENT_LOOP_LAG_MAX_MS ?? 100,
    logLevel: env.LOG_LEVEL ?? 'info',
    database: { url: env.DATABASE_URL, poolMax: env.DATABASE_POOL_MAX ?? 10 },
    redis: {
      host: env.REDIS_HOST,
      port: env.REDIS_PORT,
      password: env.REDIS_PASSWORD,
      tls: env.REDIS_TLS ?? false,
      prefix: env.REDIS_PREFIX ?? 'tutti',
    },
    aws: {
      region: env.AWS_REGION,
      /** When undefined the SDK uses the machine's role. */
      credentials:
        env.AWS_ACCESS_KEY_ID === undefined || env.AWS_SECRET_ACCESS_KEY === undefined
          ? undefined
          : { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
    },
    storage: { bucket: env.S3_BUCKET_NAME, endpoint: env.S3_ENDPOINT },
    uploads: { quotaBytes: env.UPLOAD_QUOTA_BYTES ?? 50 * 1024 ** 3 },
    auth: { jwksUrl: env.AUTH_SERVER_JWKS_URL, issuer: env.AUTH_ISSUER, audience: env.AUTH_AUDIENCE },
    cdn: toCdn(env),
    allowedOrigins: (env.ALLOWED_ORIGINS ?? '').split(',').flatMap(origin => origin.trim() || []),
    trustedProxies: env.TRUSTED_PROXIES ?? 0,
    /** Encode tracks as Opus in addition to AAC. */
    encodeOpus: env.ENCODE_OPUS ?? false,
    tools: { ffmpeg: env.FFMPEG_PATH ?? 'ffmpeg', ffprobe: env.FFPROBE_PATH ?? 'ffprobe' },
  }
}

function toCdn(env: Environment) {
  const { CLOUDFRONT_DOMAIN: domain, CLOUDFRONT_COOKIE_DOMAIN: cookieDomain } = env
  const key = toKeyPair(env.CLOUDFRONT_KEY_PAIR_ID, env.CLOUDFRONT_PRIVATE_KEY)
  if (domain === undefined || key === undefined) return undefined
  const origin = domain.startsWith('http') ? domain : `https://${domain}`
  const next = toKeyPair(env.CLOUDFRONT_KEY_PAIR_ID_NEXT, env.CLOUDFRONT_PRIVATE_KEY_NEXT)
  return { origin, cookieDomain, ...key, next }
}

/** Orchestrators pass a PEM as one line with `\n` for line breaks. */
const toKeyPair = (keyPairId: string | undefined, privateKey: string | undefined) =>
  keyPairId === undefined || privateKey === undefined
    ? undefined
    : { keyPairId, privateKey: privateKey.replaceAll('\\n', '\n') }
