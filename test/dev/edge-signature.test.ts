import { getSignedCookies, getSignedUrl } from '@aws-sdk/cloudfront-signer'
import * as fc from 'fast-check'
import { createPublicKey, createSign, generateKeyPairSync } from 'node:crypto'
import { verifySignature } from '../../dev/edge/signature'
import { generateSigningKeys } from '../../dev/edge/signing-keys'

const rsa = generateSigningKeys()
const ec = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const keys = new Map([
  ['KRSA', createPublicKey(rsa.publicKey)],
  ['KEC', createPublicKey(ec.publicKey)],
])
const signer = { keyPairId: 'KRSA', privateKey: rsa.privateKey }

const site = 'https://media.example.org'
const song = `${site}/audio/song.mp3`
const start = Date.UTC(2030, 0, 1)
const inMinutes = (minutes: number) => new Date(start + minutes * 60_000)
const epochIn = (minutes: number) => start / 1000 + minutes * 60

interface Visit {
  cookie?: string
  ip?: string
  now?: number
}

const judge = (url: string, { cookie, ip = '127.0.0.1', now = start }: Visit = {}) =>
  verifySignature({ url, cookie, ip }, keys, now)

const policy = (resource: string, more: object = {}) =>
  JSON.stringify({
    Statement: [{ Resource: resource, Condition: { DateLessThan: { 'AWS:EpochTime': epochIn(10) }, ...more } }],
  })

/** Signs any text as a custom policy, including ones that the signer does not create. */
function signAnything(text: string, url = song): string {
  const cookies = getSignedCookies({ ...signer, policy: text })
  const parameters = Object.entries(cookies).map(([name, value]) => `${name.replace('CloudFront-', '')}=${value}`)
  return `${url}?${parameters.join('&')}`
}

const cookieHeader = (cookies: object) =>
  Object.entries(cookies)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join('; ')

describe('a canned policy', () => {
  const signed = getSignedUrl({ ...signer, url: song, dateLessThan: inMinutes(10) })

  it('grants its URL until it expires', () => {
    expect(judge(signed)).toBe('ok')
    expect(judge(signed, { now: start + 599_999 })).toBe('ok')
    expect(judge(signed, { now: start + 600_000 })).toBe('AccessDenied')
  })

  it('grants no other path, host, scheme or query', () => {
    expect(judge(signed.replace('song', 'gong'))).toBe('AccessDenied')
    expect(judge(signed.replace('media.', 'radio.'))).toBe('AccessDenied')
    expect(judge(signed.replace('https:', 'http:'))).toBe('AccessDenied')
    expect(judge(`${signed}&download=1`)).toBe('AccessDenied')
  })

  it('cannot be extended', () => {
    expect(judge(signed.replace(/Expires=\d+/, `Expires=${epochIn(1000)}`))).toBe('AccessDenied')
    expect(judge(signed.replace('Expires=', 'Expires=0'))).toBe('AccessDenied')
  })

  it('is rejected with a changed signature', () => {
    const changed = signed.replace(/Signature=(.)/, (_, first) => `Signature=${first === 'A' ? 'B' : 'A'}`)
    expect(changed).not.toBe(signed)
    expect(judge(changed)).toBe('AccessDenied')
  })

  it('is accepted wherever its parameters are in the query', () => {
    const [, query = ''] = signed.split('?')
    expect(judge(`${song}?${query.split('&').reverse().join('&')}`)).toBe('ok')
  })

  it.each(['SHA1', 'SHA256'] as const)('verifies with RSA and with EC P-256 under %s', algorithm => {
    const options = { url: song, dateLessThan: inMinutes(10), algorithm }
    expect(judge(getSignedUrl({ ...options, ...signer }))).toBe('ok')
    expect(judge(getSignedUrl({ ...options, keyPairId: 'KEC', privateKey: ec.privateKey }))).toBe('ok')
  })

  it('must be verified with the hash it was signed with', () => {
    const sha256Url = getSignedUrl({ ...signer, url: song, dateLessThan: inMinutes(10), algorithm: 'SHA256' })
    expect(judge(sha256Url.replace('Hash-Algorithm=SHA256', 'Hash-Algorithm=SHA1'))).toBe('AccessDenied')
    expect(judge(sha256Url.replace('Hash-Algorithm=SHA256', 'Hash-Algorithm=MD5'))).toBe('AccessDenied')
    expect(judge(`${signed}&Hash-Algorithm=SHA256`)).toBe('AccessDenied')
  })

  it.each([
    `${site}/audio/two%20words.mp3?note=a%20b`,
    `${site}/audio/a%2Bb.mp3?note=a+b`,
    `${site}/audio/h%C3%A9.mp3?b=2&a=1&a=%2F`,
    `${site}/audio/it's.mp3?note=it%27s`,
  ])('covers the raw text of %s', url => {
    const awkward = getSignedUrl({ ...signer, url, dateLessThan: inMinutes(10) })
    expect(judge(awkward)).toBe('ok')
    expect(judge(awkward.replace('/audio/', '/video/'))).toBe('AccessDenied')
  })
})

describe('a custom policy', () => {
  const sign = (text: string, url = song) => getSignedUrl({ ...signer, url, policy: text })

  it('grants what its wildcards match and nothing else', () => {
    const track = `${site}/hls/track-1/`
    const signed = sign(policy(`${track}*`), `${track}index.m3u8`)
    const at = (path: string) => signed.replace('/hls/track-1/index.m3u8', path)
    expect(judge(signed)).toBe('ok')
    expect(judge(at('/hls/track-1/segment-041.m4s'))).toBe('ok')
    expect(judge(at('/hls/track-1/deep/er.m4s?x=1').replace('?x=1?', '?x=1&'))).toBe('ok')
    expect(judge(at('/hls/track-2/index.m3u8'))).toBe('AccessDenied')
    expect(judge(at('/hls/track-10/index.m3u8'))).toBe('AccessDenied')
  })

  it.each([
    ['https://media.example.org/audio/song.mp?', true],
    ['https://media.example.org/audio/song.mp3?', false],
    ['http*://*.example.org/*.mp3', true],
    ['*', true],
    ['*song*', true],
    ['*.mp4', false],
    ['HTTPS://media.example.org/audio/song.mp3', false],
    ['', false],
  ])('with the resource %s grants the song: %s', (resource, opens) => {
    expect(judge(signAnything(policy(resource)))).toBe(opens ? 'ok' : 'AccessDenied')
  })

  it('matches a backtracking pattern in linear time', () => {
    const url = `${site}/${'a'.repeat(3000)}`
    expect(judge(signAnything(policy(`${'*a'.repeat(500)}*b`), url))).toBe('AccessDenied')
  })

  it('may start later', () => {
    const signed = sign(policy(song, { DateGreaterThan: { 'AWS:EpochTime': epochIn(5) } }))
    expect(judge(signed)).toBe('AccessDenied')
    expect(judge(signed, { now: start + 301_000 })).toBe('ok')
    expect(judge(signed, { now: start + 600_000 })).toBe('AccessDenied')
  })

  it('may be limited to an IP address or range', () => {
    const one = sign(policy(song, { IpAddress: { 'AWS:SourceIp': '192.0.2.7' } }))
    const range = getSignedUrl({ ...signer, url: song, dateLessThan: inMinutes(10), ipAddress: '192.0.2.0/24' })
    const all = sign(policy(song, { IpAddress: { 'AWS:SourceIp': '0.0.0.0/0' } }))
    expect(judge(one, { ip: '192.0.2.7' })).toBe('ok')
    expect(judge(one, { ip: '192.0.2.8' })).toBe('AccessDenied')
    expect(judge(range, { ip: '::ffff:192.0.2.200' })).toBe('ok')
    expect(judge(range, { ip: '192.0.3.1' })).toBe('AccessDenied')
    expect(judge(range, { ip: '2001:db8::1' })).toBe('AccessDenied')
    expect(judge(all, { ip: '203.0.113.9' })).toBe('ok')
  })

  it('cannot be forged or swapped', () => {
    const signed = sign(policy(song))
    const forgedPolicy = Buffer.from(policy('*')).toString('base64').replaceAll('+', '-').replaceAll('=', '_')
    expect(judge(signed.replace(/Policy=[^&]+/, `Policy=${forgedPolicy.replaceAll('/', '~')}`))).toBe('AccessDenied')
  })

  it('without a resource grants everything', () => {
    const statement = { Condition: { DateLessThan: { 'AWS:EpochTime': epochIn(10) } } }
    expect(judge(signAnything(JSON.stringify({ Statement: [statement] })))).toBe('ok')
  })

  const until = { 'AWS:EpochTime': epochIn(10) }
  it.each<[string, unknown]>([
    ['invalid JSON', undefined],
    ['null', null],
    ['no statement', {}],
    ['an empty list', { Statement: [] }],
    ['a statement outside a list', { Statement: { Resource: song, Condition: { DateLessThan: until } } }],
    ['two statements', { Statement: [1, 2].map(() => ({ Resource: song, Condition: { DateLessThan: until } })) }],
    ['a null statement', { Statement: [null] }],
    ['no condition', { Statement: [{ Resource: song }] }],
    ['no expiry', { Statement: [{ Resource: song, Condition: { DateGreaterThan: until } }] }],
    ['a textual expiry', { Statement: [{ Resource: song, Condition: { DateLessThan: { 'AWS:EpochTime': 'soon' } } }] }],
    ['a resource that is not text', { Statement: [{ Resource: 7, Condition: { DateLessThan: until } }] }],
    [
      'an unknown condition',
      { Statement: [{ Resource: song, Condition: { DateLessThan: until, StringEquals: { a: 'b' } } }] },
    ],
    ...['10.0.0.0/33', '10.0.0/8', '10.0.0.256', 'everywhere', '::/0', ''].map((cidr): [string, unknown] => [
      `the address ${cidr}`,
      { Statement: [{ Resource: song, Condition: { DateLessThan: until, IpAddress: { 'AWS:SourceIp': cidr } } }] },
    ]),
  ])('is malformed, although signed, with %s', (_, body) => {
    expect(judge(signAnything(body === undefined ? 'not json' : JSON.stringify(body)))).toBe('MalformedPolicy')
  })
})

describe('cookies', () => {
  const wildcard = getSignedCookies({ ...signer, policy: policy(`${site}/hls/track-1/*`) })

  it('grant every URL that their policy matches', () => {
    const cookie = cookieHeader({ theme: 'dark', ...wildcard, last: 'a=b' })
    expect(judge(`${site}/hls/track-1/index.m3u8`, { cookie })).toBe('ok')
    expect(judge(`${site}/hls/track-1/s1.m4s?v=2`, { cookie })).toBe('ok')
    expect(judge(`${site}/hls/track-2/index.m3u8`, { cookie })).toBe('AccessDenied')
  })

  it.each(['SHA1', 'SHA256'] as const)('may carry a canned policy, with %s', algorithm => {
    const options = { ...signer, url: song, dateLessThan: inMinutes(10), algorithm }
    const cookie = cookieHeader(getSignedCookies(options))
    expect(judge(song, { cookie })).toBe('ok')
    expect(judge(song, { cookie, now: start + 600_000 })).toBe('AccessDenied')
    expect(judge(`${song}?x=1`, { cookie })).toBe('AccessDenied')
  })

  it('do not apply to a URL with signature parameters', () => {
    const cookie = cookieHeader(getSignedCookies({ ...signer, policy: policy('*') }))
    const expired = getSignedUrl({ ...signer, url: song, dateLessThan: inMinutes(-1) })
    expect(judge(song, { cookie })).toBe('ok')
    expect(judge(expired, { cookie })).toBe('AccessDenied')
    expect(judge(`${song}?Expires=1`, { cookie })).toBe('MissingKey')
  })

  it('are evaluated in the order sent when a name is repeated', () => {
    const laterSigned = getSignedCookies({ ...signer, policy: policy(`${site}/hls/track-2/*`) })
    const url = `${site}/hls/track-1/index.m3u8`
    expect(judge(url, { cookie: `${cookieHeader(wildcard)}; ${cookieHeader(laterSigned)}` })).toBe('ok')
    expect(judge(url, { cookie: `${cookieHeader(laterSigned)}; ${cookieHeader(wildcard)}` })).toBe('AccessDenied')
  })
})

describe('malformed requests are refused by name', () => {
  const signed = getSignedUrl({ ...signer, url: song, dateLessThan: inMinutes(10) })
  const without = (name: string) => signed.replace(new RegExp(`[?&]${name}=[^&]*`), '').replace('.mp3&', '.mp3?')

  it.each([
    ['nothing', song, 'MissingKey'],
    ['only other parameters', `${song}?page=1&expires=2`, 'MissingKey'],
    ['no key id', without('Key-Pair-Id'), 'MissingKey'],
    ['an empty key id', signed.replace('=KRSA', '='), 'MissingKey'],
    ['an unknown key id', signed.replace('=KRSA', '=KOTHER'), 'InvalidKey'],
    ['a key id that is an Object property', signed.replace('=KRSA', '=constructor'), 'InvalidKey'],
    ["another key's id", signed.replace('=KRSA', '=KEC'), 'AccessDenied'],
    ['no signature', without('Signature'), 'MalformedSignature'],
    ['a signature outside the alphabet', signed.replace('Signature=', 'Signature=%00'), 'MalformedSignature'],
    ['a short signature', signed.replace(/Signature=[^&]+/, 'Signature=AAAA'), 'AccessDenied'],
    ['neither expiry nor policy', without('Expires'), 'MalformedPolicy'],
    ['an expiry that is not a number', signed.replace(/Expires=\d+/, 'Expires=tomorrow'), 'MalformedPolicy'],
    ['a policy outside the alphabet', signed.replace(/Expires=\d+/, 'Policy={}'), 'MalformedPolicy'],
  ])('%s', (_, url, verdict) => {
    expect(judge(url)).toBe(verdict)
  })

  it('random input never grants access and never throws', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 })
    const name = fc.constantFrom('Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm', 'x')
    const value = fc.oneof(text, fc.constantFrom('KRSA', 'KEC', 'SHA256', String(epochIn(5)), 'AAAA', 'e30_'))
    const pairs = fc.array(fc.tuple(name, value), { maxLength: 8 })
    fc.assert(
      fc.property(text, pairs, pairs, (path, query, cookies) => {
        const url = `${site}/${path}?${query.map(pair => pair.join('=')).join('&')}`
        const cookie = cookies.map(([key, content]) => `CloudFront-${key}=${content}`).join('; ')
        expect(judge(url, { cookie })).not.toBe('ok')
      }),
      { numRuns: 500 },
    )
  })
})

it('accepts a signature made over the documented text without the signer', () => {
  const text = `{"Statement":[{"Resource":"${song}","Condition":{"DateLessThan":{"AWS:EpochTime":${epochIn(1)}}}}]}`
  const signature = createSign('RSA-SHA1').update(text).sign(rsa.privateKey, 'base64')
  const safe = signature.replaceAll('+', '-').replaceAll('=', '_').replaceAll('/', '~')
  expect(judge(`${song}?Expires=${epochIn(1)}&Signature=${safe}&Key-Pair-Id=KRSA`)).toBe('ok')
})
