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
let casts = 0
beforeAll(async () => {
  testApp = await createTestApp()
})
beforeEach(async () => {
  casts += 1
  ann = await testApp.signIn(`ann-${casts}`)
  bob = await testApp.signIn(`bob-${casts}`)
  moderator = await testApp.signIn(`mod-${casts}`, { roles: ['moderator'] })
})
afterAll(() => testApp[Symbol.asyncDispose]())

const about = (kind: 'track' | 'comment' | 'profile' | 'playlist', id: string) => ({ subject: { kind, id } })
const caseOf = async (id: string) => (await moderator.call(listReports, { limit: 200 })).find(found => found.id === id)

async function makeComment(trackId: string, authorId: string): Promise<Comment> {
  const now = new Date()
  return Comment.create({ id: newId(now), trackId, authorId, body: 'Buy now', positionMs: 5, createdAt: now })
}

describe.each(transports)('reporting over %s', transport => {
  it('keeps what was reported as it was, and tells the reported nothing', async () => {
    const track = await makeTrack(ann.id, { title: 'Stolen' })
    const own = await ann.recordEvents(`user:${ann.id}`)
    const wish = { ...about('track', track.id), reason: 'copyright' as const, note: 'It is mine.' }
    const report = await bob.call(createReport, wish, { transport })
    expect(report).toMatchObject({ ...wish, state: 'open', outcome: null, resolvedAt: null })
    expect(report).not.toHaveProperty('copy')
    await ann.call(updateTrack, { trackId: track.id, title: 'My own work' })
    await own.waitFor('tracks.trackChanged')
    expect(own.names().filter(name => name.startsWith('moderation.'))).toEqual([])
    expect(await caseOf(report.id)).toMatchObject({
      copy: { track: { title: 'Stolen', owner: { id: ann.id } } },
      reporter: { id: bob.id },
      resolvedBy: null,
    })
  })

  it('is done once per person and subject, at once or again, whatever is said the second time', async () => {
    const track = await makeTrack(ann.id)
    const wish = { ...about('track', track.id), reason: 'spam' as const }
    const answers = await Promise.all([1, 2, 3].map(() => bob.call(createReport, wish, { transport })))
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    await ann.call(deleteTrack, { trackId: track.id })
    expect(await bob.call(createReport, { ...wish, reason: 'abuse', note: 'Also this.' }, { transport })).toEqual(
      answers[0],
    )
    expect(await Report.count({ where: { subjectId: track.id } })).toBe(1)
    const late = { ...wish, reason: 'spam' as const }
    expect(await moderator.expectProblem(createReport, late, { transport })).toMatchObject({ code: 'not_found' })
  })

  it('takes a key, and refuses it for another report', async () => {
    const track = await makeTrack(ann.id)
    const wish = { ...about('track', track.id), reason: 'spam' as const }
    const first = await bob.call(createReport, wish, { transport, idempotencyKey: 'k' })
    expect(await bob.call(createReport, wish, { transport, idempotencyKey: 'k' })).toEqual(first)
    const other = { ...wish, reason: 'other' as const }
    expect(await bob.expectProblem(createReport, other, { transport, idempotencyKey: 'k' })).toMatchObject({
      status: 422,
    })
  })

  it('works for comments, people and playlists too', async () => {
    const comment = await makeComment((await makeTrack(ann.id)).id, ann.id)
    const now = new Date()
    const times = { createdAt: now, updatedAt: now }
    const list = { id: newId(now), ownerId: ann.id, title: 'A list', visibility: 'unlisted' as const, ...times }
    const playlist = await Playlist.create(list)
    const reason = 'abuse' as const
    const copies = []
    for (const subject of [about('comment', comment.id), about('profile', ann.id), about('playlist', playlist.id)])
      copies.push((await caseOf((await bob.call(createReport, { ...subject, reason }, { transport })).id))?.copy)
    expect(copies).toMatchObject([
      { comment: { body: 'Buy now', author: { id: ann.id } } },
      { profile: { id: ann.id } },
      { playlist: { title: 'A list' } },
    ])
  })

  it('is for what the reporter may know of', async () => {
    const hidden = await makeTrack(ann.id, { visibility: 'private' })
    const shown = await makeTrack(ann.id)
    const gone = await makeComment(shown.id, ann.id)
    await gone.update({ deletedAt: new Date() })
    const onHidden = await makeComment(hidden.id, ann.id)
    const cid = await testApp.signIn(`cid-${transport}`)
    const blocked = await makeTrack(cid.id)
    const acrossBlock = await makeComment(shown.id, cid.id)
    await Block.create({ blockerId: cid.id, blockedId: bob.id, createdAt: new Date() })
    const subjects = [
      ...[about('track', hidden.id), about('track', ann.id), about('track', blocked.id), about('profile', cid.id)],
      ...[about('comment', gone.id), about('comment', onHidden.id), about('comment', acrossBlock.id)],
      about('playlist', ann.id),
    ]
    for (const subject of subjects)
      expect(await bob.expectProblem(createReport, { ...subject, reason: 'spam' }, { transport })).toMatchObject({
        status: 404,
      })
  })
})

describe.each(transports)('deciding over %s', transport => {
  const reported = async () => {
    const track = await makeTrack(ann.id)
    return bob.call(createReport, { ...about('track', track.id), reason: 'illegal' })
  }

  it('happens once: the same again changes nothing, otherwise is a conflict; the reporter is told the outcome', async () => {
    const { id: reportId, subject } = await reported()
    const own = await bob.recordEvents(`user:${bob.id}`)
    const decide = { reportId, outcome: 'upheld' as const, note: 'Clear.' }
    const decided = await moderator.call(resolveReport, decide, { transport })
    expect(decided).toMatchObject({ state: 'resolved', resolvedBy: { id: moderator.id }, resolutionNote: 'Clear.' })
    expect(await moderator.call(resolveReport, { ...decide, note: 'Again.' }, { transport })).toEqual(decided)
    const conflict = await moderator.expectProblem(resolveReport, { reportId, outcome: 'dismissed' }, { transport })
    expect(conflict).toMatchObject({ code: 'already_resolved', status: 409, current: decided })

    const told = await own.waitFor('moderation.reportResolved')
    expect(told.data).toEqual({ reportId, reporterId: bob.id, subject, outcome: 'upheld' })
    await own.waitForAll(testApp.app)
    expect(own.names().filter(name => name === 'moderation.reportResolved')).toHaveLength(1)
    const again = await bob.call(createReport, { subject, reason: 'illegal' }, { transport })
    expect(again).toMatchObject({ id: reportId, state: 'resolved', outcome: 'upheld' })
  })

  it('lets one of two moderators win', async () => {
    const { id: reportId } = await reported()
    const other = await testApp.signIn(`admin-${transport}`, { roles: ['admin'] })
    const replies = await Promise.all([
      moderator.request(resolveReport, { reportId, outcome: 'upheld' }, { transport }),
      other.request(resolveReport, { reportId, outcome: 'dismissed' }, { transport }),
    ])
    expect(replies.map(({ error }) => error?.code).sort()).toEqual(['already_resolved', undefined])
  })

  it('is for moderators, and for reports that are there', async () => {
    const { id: reportId } = await reported()
    const wish = { reportId, outcome: 'upheld' }
    for (const person of [ann, bob]) {
      expect(await person.expectProblem(resolveReport, wish, { transport })).toMatchObject({ code: 'forbidden' })
      expect(await person.expectProblem(listReports, {}, { transport })).toMatchObject({ code: 'forbidden' })
    }
    const none = { ...wish, reportId: ann.id }
    expect(await moderator.expectProblem(resolveReport, none, { transport })).toMatchObject({ code: 'not_found' })
  })

  it('is made from a list: the oldest first, open ones or resolved ones, stable while reports arrive', async () => {
    const ids: string[] = []
    for (let made = 0; made < 3; made += 1) {
      testApp.clock.advance(1_000)
      ids.push((await reported()).id)
    }
    await moderator.call(resolveReport, { reportId: ids[1] ?? '', outcome: 'dismissed' })
    const idsOf = (found: { id: string }[]) => found.map(({ id }) => id)
    const open = idsOf(await moderator.call(listReports, { state: 'open', limit: 200 }, { transport }))
    expect(open.slice(-2)).toEqual([ids[0], ids[2]])
    const resolved = idsOf(await moderator.call(listReports, { state: 'resolved', limit: 200 }, { transport }))
    expect(resolved.at(-1)).toBe(ids[1])

    const first = await moderator.request(listReports, { state: 'open', limit: 1 }, { transport })
    testApp.clock.advance(1_000)
    const late = await reported()
    const cursor = first.page?.next ?? ''
    const rest = idsOf(await moderator.call(listReports, { state: 'open', cursor, limit: 200 }, { transport }))
    expect([...idsOf(first.data as { id: string }[]), ...rest]).toEqual([...open, late.id])
  })
})
