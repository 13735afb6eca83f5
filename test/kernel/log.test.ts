import { Writable } from 'node:stream'
import { refusals } from '../../kernel/pipeline/refusals'
import { createLog, describeError } from '../../kernel/platform/log'
import { addNote, failureSwitches, notesRegistry, notesTable } from './notes'
import { createTestKernel, createActor } from './test-kernel'

function captured() {
  let text = ''
  const to = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  return {
    to,
    text: () => text,
    lines: () =>
      text
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as Record<string, unknown>),
  }
}

const signedUrl = 'https://cdn.example/media/a.mp3?Expires=1&Signature=s3cr3t-signature&Key-Pair-Id=K'

describe('the log', () => {
  it('redacts signed URLs, tokens and headers', () => {
    const out = captured()
    const log = createLog('info', {}, out.to)
    const cause = new Error(`PUT ${signedUrl} failed`)
    log.warn(describeError(new Error(`could not fetch "${signedUrl}", again ${signedUrl}.`, { cause })))
    log.info({
      secret: 's3cr3t',
      request: { secret: 's3cr3t', token: 's3cr3t', authorization: 'Bearer s3cr3t', url: signedUrl },
    })
    expect(out.text()).not.toContain('s3cr3t')
    expect(out.text()).toContain('https://cdn.example/media/a.mp3?[hidden]')
  })

  it('describes an error, without the values it carries', () => {
    const error = Object.assign(new Error('it broke'), {
      sql: 'select s3cr3t',
      parameters: ['s3cr3t'],
      config: { key: 's3cr3t' },
    })
    expect(describeError(error)).toEqual({ error: 'Error', message: 'it broke', stack: expect.any(String) as unknown })
    expect(describeError('s3cr3t')).toEqual({ error: 'string' })
    expect(describeError({ secret: 's3cr3t' })).toEqual({ error: 'object' })
  })

  it('ends for an error that is its own cause', () => {
    const error = new Error('round')
    error.cause = error
    expect(() => JSON.stringify(describeError(error))).not.toThrow()
  })

  it('contains no token, input or signed URL after failing calls over both transports', async () => {
    const out = captured()
    await using kernel = await createTestKernel({
      registry: notesRegistry,
      tables: notesTable,
      log: createLog('trace', {}, out.to),
    })
    const { url } = await kernel.startWeb()
    const token = await kernel.issuer.issueToken('ann')
    const expired = await kernel.issuer.issueToken('ann', { ttlSeconds: -60 })
    const post = (path: string, body: string, bearer = token) =>
      fetch(`${url}/api/v1${path}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${bearer}`,
          'content-type': 'application/json',
          'idempotency-key': 'k3y-s3cr3t',
          'x-track-secret': 's3cr3t-of-a-track',
        },
        body,
      })
    failureSwitches.duringAdd = async () => {
      throw new Error(`the store refused ${signedUrl}`)
    }
    const answers = [
      await post('/notes', '{"body":"typed-by-s0meone"}'),
      await post('/notes?token=s3cr3t-query', '{"body":"typed-by-s0meone"'),
      await post('/notes', '{}', expired),
      await post('/notes', '{}', `${token}x`),
      await fetch(`${url}/api/v1/nowhere?access_token=${token}`),
    ]
    failureSwitches.duringAdd = async () => undefined
    expect(answers.map(({ status }) => status)).toEqual([500, 400, 401, 401, 404])
    expect(JSON.stringify(await answers[0]?.json())).not.toMatch(/store|s3cr3t|stack|\.ts/)
    await kernel.expectProblem(addNote, { body: 'break' }, { actor: createActor() })

    const text = out.text()
    for (const secret of [token, token.split('.')[2] ?? '', 's3cr3t', 'typed-by-s0meone'])
      expect(text).not.toContain(secret)
    const bug = out.lines().find(({ msg }) => msg === 'unexpected error')
    expect(bug).toMatchObject({
      during: 'notes.addNote',
      message: 'the store refused https://cdn.example/media/a.mp3?[hidden]',
    })
    expect(out.lines().filter(({ msg }) => msg === 'unexpected error')).toHaveLength(1)
    const requests = out.lines().filter(({ status }) => status !== undefined)
    expect(requests.map(({ status, code }) => [status, code])).toEqual([
      [500, 'internal_error'],
      [400, 'malformed_json'],
      [401, 'token_expired'],
      [401, 'token_invalid'],
      [404, 'unknown_operation'],
    ])
    expect(requests[0]?.requestId).toBe(bug?.requestId)
  })
})

it('a 4xx refusal is not logged', async () => {
  const out = captured()
  await using kernel = await createTestKernel({ registry: notesRegistry, log: createLog('trace', {}, out.to) })
  failureSwitches.duringAdd = async () => {
    throw refusals.conflict()
  }
  await kernel.expectProblem(addNote, { body: '' }, { actor: createActor() })
  failureSwitches.duringAdd = async () => undefined
  expect(out.text()).toBe('')
})
