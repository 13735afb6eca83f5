import { ConfigError, readConfig, variableNames } from '../../kernel/platform/config'

const valid = {
  DATABASE_URL: 'postgres://tutti:hush@127.0.0.1/tutti',
  REDIS_HOST: '127.0.0.1',
  REDIS_PORT: '6379',
  AWS_REGION: 'eu-central-1',
  S3_BUCKET_NAME: 'tutti-media',
  AUTH_SERVER_JWKS_URL: 'https://auth.example/jwks.json',
  AUTH_ISSUER: 'https://auth.example',
  AUTH_AUDIENCE: 'tutti',
}

function errorsOf(variables: Record<string, string | undefined>): readonly string[] {
  try {
    readConfig(variables)
  } catch (error) {
    if (error instanceof ConfigError) return error.errors
    throw error
  }
  return []
}

describe('the configuration', () => {
  it('has defaults for optional variables, and is frozen', () => {
    const config = readConfig(valid)
    expect(config).toMatchObject({
      port: 3000,
      roles: ['web'],
      logLevel: 'info',
      production: false,
      selfChecks: false,
      redis: { host: '127.0.0.1', port: 6379, prefix: 'tutti' },
      allowedOrigins: [],
      trustedProxies: 0,
      cdn: undefined,
    })
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('reports all errors at once', () => {
    const messages = errorsOf({
      ...valid,
      DATABASE_URL: undefined,
      REDIS_PORT: 'six',
      AUTH_ISSUER: 'auth',
      ROLES: 'boss',
    })
    expect([...messages].sort()).toEqual([
      'AUTH_ISSUER: must be an http(s) address',
      'DATABASE_URL: is missing',
      'REDIS_PORT: must be a whole number',
      'ROLES: has the wrong format',
    ])
  })

  it('names what is missing in an empty environment', () => {
    const required = Object.keys(valid)
    expect(errorsOf({}).map(message => message.split(':')[0])).toEqual(
      required.sort((a, b) => position(a) - position(b)),
    )
  })

  it('never repeats a value, which may be a secret', () => {
    const bad = Object.fromEntries(variableNames.map(name => [name, `\u0001 s3cr3t of ${name} `]))
    try {
      readConfig(bad)
      throw new Error('expected readConfig to throw')
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError)
      expect(String(error)).not.toContain('s3cr3t')
      expect(JSON.stringify(error)).not.toContain('s3cr3t')
    }
  })

  it.each([
    [['AWS_ACCESS_KEY_ID'], 'AWS_SECRET_ACCESS_KEY: must be set together with AWS_ACCESS_KEY_ID'],
    [['AWS_SECRET_ACCESS_KEY'], 'AWS_ACCESS_KEY_ID: must be set together with AWS_SECRET_ACCESS_KEY'],
    [
      ['CLOUDFRONT_DOMAIN'],
      'CLOUDFRONT_KEY_PAIR_ID, CLOUDFRONT_PRIVATE_KEY: must be set together with CLOUDFRONT_DOMAIN',
    ],
    [
      ['CLOUDFRONT_DOMAIN', 'CLOUDFRONT_PRIVATE_KEY'],
      'CLOUDFRONT_KEY_PAIR_ID: must be set together with CLOUDFRONT_DOMAIN, CLOUDFRONT_PRIVATE_KEY',
    ],
  ])('rejects %j alone', (names, message) => {
    expect(errorsOf({ ...valid, ...Object.fromEntries(names.map(name => [name, 'cdn.example'])) })).toEqual([message])
  })

  it('treats an empty variable as unset', () => {
    expect(readConfig({ ...valid, PORT: '', AWS_ACCESS_KEY_ID: '' })).toMatchObject({ port: 3000 })
    expect(errorsOf({ ...valid, REDIS_HOST: '' })).toEqual(['REDIS_HOST: is missing'])
  })

  it.each(['-1', '65536', '80.5', '1e3', '0x50', ' 80', 'http'])('rejects the port %j', PORT => {
    expect(errorsOf({ ...valid, PORT })).toEqual([expect.stringMatching(/^PORT: /)])
  })

  it('reads lists of origins, and a key with escaped line breaks', () => {
    const config = readConfig({
      ...valid,
      ALLOWED_ORIGINS: 'https://a.example, https://b.example,',
      CLOUDFRONT_DOMAIN: 'cdn.example',
      CLOUDFRONT_KEY_PAIR_ID: 'K1',
      CLOUDFRONT_PRIVATE_KEY: '-----BEGIN-----\\nabc\\n-----END-----',
    })
    expect(config.allowedOrigins).toEqual(['https://a.example', 'https://b.example'])
    expect(config.cdn).toEqual({
      origin: 'https://cdn.example',
      keyPairId: 'K1',
      privateKey: '-----BEGIN-----\nabc\n-----END-----',
    })
  })
})

const position = (name: string) => variableNames.indexOf(name)
