import { newId } from '../../../kernel/pipeline/new-id'
import { Block, Comment, Playlist, Report } from '../../../models'
import { createReport } from '../../../skills/moderation/create-report'
import { listReports } from '../../../skills/moderation/list-reports'
import { resolveReport } from '../../../skills/moderation/resolve-report'
import { deleteTrack } from '../../../skills/tracks/delete-track'
import { updateTrack } from '../../../skills/tracks/update-track'
import { makeTrack } from '../../factories'
import { transports, type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'

let testApp: TestApp
let ann: Person
let bob: Person
let moderator: Person
let testCount = 0
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(async () => {
  testCount += 1
  ann = await testApp.signIn(`ann-${testCount}`)
  bob = await testApp.signIn(`bob-${testCount}`)
  moderator = await testApp.signIn(`mod-${testCount}`, { roles: ['moderator'] })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const subjectInput = (kind: 'track' | 'comment' | 'profile' | 'playlist', id: string) => ({ subject: { kind, id } })
const findReport = async (id: string) =>
  (await moderator.call(listReports, { limit: 200 })).find(found => found.id === id)

async function makeComment(trackId: string, authorId: string): Promise<Comment> {
  const now = new Date()
  return Comment.create({ id: newId(now), trackId, authorId, body: 'Buy now', positionMs: 5, createdAt: now })
}

describe.each(transports)('reporting over %s', transport => {
  it('keeps a copy of the subject, and notifies the reported profile of nothing', async () => {
    const track = await makeTrack(ann.id, { title: 'Stolen' })
    const recorder = await ann.recordEvents(`user:${ann.id}`)
    const input = { ...subjectInput('track', track.id), reason: 'copyright' as const, note: 'It is mine.' }
    const report = await bob.call(createReport, input, { transport })
    expect(report).toMatchObject({ ...input, state: 'open', outcome: null, resolvedAt: null })
    expect(report).not.toHaveProperty('copy')
    await ann.call(updateTrack, { trackId: track.id, title: 'My own work' })
    await recorder.waitFor('tracks.trackChanged')
    expect(recorder.names().filter(name => name.startsWith('moderation.'))).toEqual([])
    expect(await findReport(report.id)).toMatchObject({
      copy: { track: { title: 'Stolen', owner: { id: ann.id } } },
      reporter: { id: bob.id },
      resolvedBy: null,
    })
  })

  it('creates one report per reporter and subject, also concurrently and with another reason', async () => {
    const track = await makeTrack(ann.id)
    const input = { ...subjectInput('track', track.id), reason: 'spam' as const }
    const answers = await Promise.all([1, 2, 3].map(() => bob.call(createReport, input, { transport })))
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    await ann.call(deleteTrack, { trackId: track.id })
    expect(await bob.call(createReport, { ...input, reason: 'abuse', note: 'Also this.' }, { transport })).toEqual(
      answers[0],
    )
    expect(await Report.count({ where: { subjectId: track.id } })).toBe(1)
    const lateInput = { ...input, reason: 'spam' as const }
    expect(await moderator.expectProblem(createReport, lateInput, { transport })).toMatchObject({ code: 'not_found' })
  })

  it('accepts an idempotency key, and refuses it for another report', async () => {
    const track = await makeTrack(ann.id)
    const input = { ...subjectInput('track', track.id), reason: 'spam' as const }
    const first = await bob.call(createReport, input, { transport, idempotencyKey: 'k' })
    expect(await bob.call(createReport, input, { transport, idempotencyKey: 'k' })).toEqual(first)
    const other = { ...input, reason: 'other' as const }
    expect(await bob.expectProblem(createReport, other, { transport, idempotencyKey: 'k' })).toMatchObject({
      status: 422,
    })
  })

  it('accepts comments, profiles and playlists', async () => {
    const comment = await makeComment((await makeTrack(ann.id)).id, ann.id)
    const now = new Date()
    const times = { createdAt: now, updatedAt: now }
    const list = { id: newId(now), ownerId: ann.id, title: 'A list', visibility: 'unlisted' as const, ...times }
    const playlist = await Playlist.create(list)
    const reason = 'abuse' as const
    const copies = []
    for (const subject of [
      subjectInput('comment', comment.id),
      subjectInput('profile', ann.id),
      subjectInput('playlist', playlist.id),
    ])
      copies.push((await findReport((await bob.call(createReport, { ...subject, reason }, { transport })).id))?.copy)
    expect(copies).toMatchObject([
      { comment: { body: 'Buy now', author: { id: ann.id } } },
      { profile: { id: ann.id } },
      { playlist: { title: 'A list' } },
    ])
  })

  it('answers not_found for subjects the reporter may not see', async () => {
    const hidden = await makeTrack(ann.id, { visibility: 'private' })
    const shown = await makeTrack(ann.id)
    const deleted = await makeComment(shown.id, ann.id)
    await deleted.update({ deletedAt: new Date() })
    const onHidden = await makeComment(hidden.id, ann.id)
    const cid = await testApp.signIn(`cid-${transport}`)
    const blocked = await makeTrack(cid.id)
    const acrossBlock = await makeComment(shown.id, cid.id)
    await Block.create({ blockerId: cid.id, blockedId: bob.id, createdAt: new Date() })
    const subjects = [
      ...[
        subjectInput('track', hidden.id),
        subjectInput('track', ann.id),
        subjectInput('track', blocked.id),
        subjectInput('profile', cid.id),
      ],
      ...[
        subjectInput('comment', deleted.id),
        subjectInput('comment', onHidden.id),
        subjectInput('comment', acrossBlock.id),
      ],
      subjectInput('playlist', ann.id),
    ]
    for (const subject of subjects)
      expect(await bob.expectProblem(createReport, { ...subject, reason: 'spam' }, { transport })).toMatchObject({
        status: 404,
      })
  })
})

describe.each(transports)('resolving a report over %s', transport => {
  const createTestReport = async () => {
    const track = await makeTrack(ann.id)
    return bob.call(createReport, { ...subjectInput('track', track.id), reason: 'illegal' })
  }

  it('happens once: the same outcome again changes nothing, another is a conflict; the reporter receives the outcome', async () => {
    const { id: reportId, subject } = await createTestReport()
    const recorder = await bob.recordEvents(`user:${bob.id}`)
    const decision = { reportId, outcome: 'upheld' as const, note: 'Clear.' }
    const decided = await moderator.call(resolveReport, decision, { transport })
    expect(decided).toMatchObject({ state: 'resolved', resolvedBy: { id: moderator.id }, resolutionNote: 'Clear.' })
    expect(await moderator.call(resolveReport, { ...decision, note: 'Again.' }, { transport })).toEqual(decided)
    const conflict = await moderator.expectProblem(resolveReport, { reportId, outcome: 'dismissed' }, { transport })
    expect(conflict).toMatchObject({ code: 'already_resolved', status: 409, current: decided })

    const resolved = await recorder.waitFor('moderation.reportResolved')
    expect(resolved.data).toEqual({ reportId, reporterId: bob.id, subject, outcome: 'upheld' })
    await recorder.waitForAll(testApp.app)
    expect(recorder.names().filter(name => name === 'moderation.reportResolved')).toHaveLength(1)
    const again = await bob.call(createReport, { subject, reason: 'illegal' }, { transport })
    expect(again).toMatchObject({ id: reportId, state: 'resolved', outcome: 'upheld' })
  })

  it('accepts one of two concurrent outcomes', async () => {
    const { id: reportId } = await createTestReport()
    const other = await testApp.signIn(`admin-${transport}`, { roles: ['admin'] })
    const replies = await Promise.all([
      moderator.request(resolveReport, { reportId, outcome: 'upheld' }, { transport }),
      other.request(resolveReport, { reportId, outcome: 'dismissed' }, { transport }),
    ])
    expect(replies.map(({ error }) => error?.code).sort()).toEqual(['already_resolved', undefined])
  })

  it('is allowed only to moderators, and only for existing reports', async () => {
    const { id: reportId } = await createTestReport()
    const input = { reportId, outcome: 'upheld' }
    for (const person of [ann, bob]) {
      expect(await person.expectProblem(resolveReport, input, { transport })).toMatchObject({ code: 'forbidden' })
      expect(await person.expectProblem(listReports, {}, { transport })).toMatchObject({ code: 'forbidden' })
    }
    const none = { ...input, reportId: ann.id }
    expect(await moderator.expectProblem(resolveReport, none, { transport })).toMatchObject({ code: 'not_found' })
  })

  it('lists open or resolved reports, oldest first, in pages unaffected by new reports', async () => {
    const ids: string[] = []
    for (let made = 0; made < 3; made += 1) {
      testApp.clock.advance(1_000)
      ids.push((await createTestReport()).id)
    }
    await moderator.call(resolveReport, { reportId: ids[1] ?? '', outcome: 'dismissed' })
    const idsOf = (found: { id: string }[]) => found.map(({ id }) => id)
    const open = idsOf(await moderator.call(listReports, { state: 'open', limit: 200 }, { transport }))
    expect(open.slice(-2)).toEqual([ids[0], ids[2]])
    const resolved = idsOf(await moderator.call(listReports, { state: 'resolved', limit: 200 }, { transport }))
    expect(resolved.at(-1)).toBe(ids[1])

    const first = await moderator.request(listReports, { state: 'open', limit: 1 }, { transport })
    testApp.clock.advance(1_000)
    const lateInput = await createTestReport()
    const cursor = first.page?.next ?? ''
    const rest = idsOf(await moderator.call(listReports, { state: 'open', cursor, limit: 200 }, { transport }))
    expect([...idsOf(first.data as { id: string }[]), ...rest]).toEqual([...open, lateInput.id])
  })
})
