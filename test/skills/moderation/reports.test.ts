import { newId } from '../../../kernel/ids'
import { Block, Comment, Playlist, Report } from '../../../models'
import { createReport } from '../../../skills/moderation/create-report'
import { listReports } from '../../../skills/moderation/list-reports'
import { resolveReport } from '../../../skills/moderation/resolve-report'
import { removeTrack } from '../../../skills/music-upload/remove-track'
import { updateTrack } from '../../../skills/music-upload/update-track'
import { makeTrack } from '../../factories'
import { doors, type Person } from '../../people'
import { freshWorld, type TestWorld } from '../../world'

let world: TestWorld
let ann: Person
let bob: Person
let moderator: Person
let casts = 0
beforeAll(async () => {
  world = await freshWorld()
})
beforeEach(async () => {
  casts += 1
  ann = await world.person(`ann-${casts}`)
  bob = await world.person(`bob-${casts}`)
  moderator = await world.person(`mod-${casts}`, { roles: ['moderator'] })
})
afterAll(() => world[Symbol.asyncDispose]())

const about = (kind: 'track' | 'comment' | 'profile' | 'playlist', id: string) => ({ subject: { kind, id } })
const caseOf = async (id: string) => (await moderator.call(listReports, { limit: 200 })).find(found => found.id === id)

async function makeComment(trackId: string, authorId: string): Promise<Comment> {
  const now = new Date()
  return Comment.create({ id: newId(now), trackId, authorId, body: 'Buy now', positionMs: 5, createdAt: now })
}

describe.each(doors)('reporting over %s', door => {
  it('keeps what was reported as it was, and tells the reported nothing', async () => {
    const track = await makeTrack(ann.id, { title: 'Stolen' })
    const own = await ann.hear(`user:${ann.id}`)
    const wish = { ...about('track', track.id), reason: 'copyright' as const, note: 'It is mine.' }
    const report = await bob.call(createReport, wish, { door })
    expect(report).toMatchObject({ ...wish, state: 'open', outcome: null, resolvedAt: null })
    expect(report).not.toHaveProperty('copy')
    await ann.call(updateTrack, { trackId: track.id, title: 'My own work' })
    await own.first('music-upload.trackChanged')
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
    const answers = await Promise.all([1, 2, 3].map(() => bob.call(createReport, wish, { door })))
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    await ann.call(removeTrack, { trackId: track.id })
    expect(await bob.call(createReport, { ...wish, reason: 'abuse', note: 'Also this.' }, { door })).toEqual(answers[0])
    expect(await Report.count({ where: { subjectId: track.id } })).toBe(1)
    const late = { ...wish, reason: 'spam' as const }
    expect(await moderator.refused(createReport, late, { door })).toMatchObject({ code: 'not_found' })
  })

  it('takes a key, and refuses it for another report', async () => {
    const track = await makeTrack(ann.id)
    const wish = { ...about('track', track.id), reason: 'spam' as const }
    const first = await bob.call(createReport, wish, { door, key: 'k' })
    expect(await bob.call(createReport, wish, { door, key: 'k' })).toEqual(first)
    const other = { ...wish, reason: 'other' as const }
    expect(await bob.refused(createReport, other, { door, key: 'k' })).toMatchObject({ status: 422 })
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
      copies.push((await caseOf((await bob.call(createReport, { ...subject, reason }, { door })).id))?.copy)
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
    await gone.update({ removedAt: new Date() })
    const onHidden = await makeComment(hidden.id, ann.id)
    const cid = await world.person(`cid-${door}`)
    const blocked = await makeTrack(cid.id)
    const acrossBlock = await makeComment(shown.id, cid.id)
    await Block.create({ blockerId: cid.id, blockedId: bob.id, createdAt: new Date() })
    const subjects = [
      ...[about('track', hidden.id), about('track', ann.id), about('track', blocked.id), about('profile', cid.id)],
      ...[about('comment', gone.id), about('comment', onHidden.id), about('comment', acrossBlock.id)],
      about('playlist', ann.id),
    ]
    for (const subject of subjects)
      expect(await bob.refused(createReport, { ...subject, reason: 'spam' }, { door })).toMatchObject({ status: 404 })
  })
})

describe.each(doors)('deciding over %s', door => {
  const reported = async () => {
    const track = await makeTrack(ann.id)
    return bob.call(createReport, { ...about('track', track.id), reason: 'illegal' })
  }

  it('happens once: the same again changes nothing, otherwise is a conflict; the reporter is told the outcome', async () => {
    const { id: reportId, subject } = await reported()
    const own = await bob.hear(`user:${bob.id}`)
    const decide = { reportId, outcome: 'upheld' as const, note: 'Clear.' }
    const decided = await moderator.call(resolveReport, decide, { door })
    expect(decided).toMatchObject({ state: 'resolved', resolvedBy: { id: moderator.id }, resolutionNote: 'Clear.' })
    expect(await moderator.call(resolveReport, { ...decide, note: 'Again.' }, { door })).toEqual(decided)
    const conflict = await moderator.refused(resolveReport, { reportId, outcome: 'dismissed' }, { door })
    expect(conflict).toMatchObject({ code: 'already_resolved', status: 409, current: decided })

    const told = await own.first('moderation.reportResolved')
    expect(told.data).toEqual({ reportId, reporterId: bob.id, subject, outcome: 'upheld' })
    await own.all(world.world)
    expect(own.names().filter(name => name === 'moderation.reportResolved')).toHaveLength(1)
    const again = await bob.call(createReport, { subject, reason: 'illegal' }, { door })
    expect(again).toMatchObject({ id: reportId, state: 'resolved', outcome: 'upheld' })
  })

  it('lets one of two moderators win', async () => {
    const { id: reportId } = await reported()
    const other = await world.person(`admin-${door}`, { roles: ['admin'] })
    const replies = await Promise.all([
      moderator.ask(resolveReport, { reportId, outcome: 'upheld' }, { door }),
      other.ask(resolveReport, { reportId, outcome: 'dismissed' }, { door }),
    ])
    expect(replies.map(({ error }) => error?.code).sort()).toEqual(['already_resolved', undefined])
  })

  it('is for moderators, and for reports that are there', async () => {
    const { id: reportId } = await reported()
    const wish = { reportId, outcome: 'upheld' }
    for (const person of [ann, bob]) {
      expect(await person.refused(resolveReport, wish, { door })).toMatchObject({ code: 'forbidden' })
      expect(await person.refused(listReports, {}, { door })).toMatchObject({ code: 'forbidden' })
    }
    const none = { ...wish, reportId: ann.id }
    expect(await moderator.refused(resolveReport, none, { door })).toMatchObject({ code: 'not_found' })
  })

  it('is made from a list: the oldest first, open ones or resolved ones, stable while reports arrive', async () => {
    const ids: string[] = []
    for (let made = 0; made < 3; made += 1) {
      world.clock.advance(1_000)
      ids.push((await reported()).id)
    }
    await moderator.call(resolveReport, { reportId: ids[1] ?? '', outcome: 'dismissed' })
    const idsOf = (found: { id: string }[]) => found.map(({ id }) => id)
    const open = idsOf(await moderator.call(listReports, { state: 'open', limit: 200 }, { door }))
    expect(open.slice(-2)).toEqual([ids[0], ids[2]])
    const resolved = idsOf(await moderator.call(listReports, { state: 'resolved', limit: 200 }, { door }))
    expect(resolved.at(-1)).toBe(ids[1])

    const first = await moderator.ask(listReports, { state: 'open', limit: 1 }, { door })
    world.clock.advance(1_000)
    const late = await reported()
    const cursor = first.page?.next ?? ''
    const rest = idsOf(await moderator.call(listReports, { state: 'open', cursor, limit: 200 }, { door }))
    expect([...idsOf(first.data as { id: string }[]), ...rest]).toEqual([...open, late.id])
  })
})
