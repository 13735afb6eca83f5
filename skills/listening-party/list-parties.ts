import { operation } from '../../kernel/pipeline/operation'
import { toPage, pageOf, pageSize, pagingFields, parseCursor } from '../../kernel/pipeline/paging'
import { shape } from '../../kernel/pipeline/schema'
import { type AppContext } from '../../kernel/platform/app-context'
import { type Party } from '../../models'
import { loadProfileSummaries } from '../user-profile/views'
import { type PartyRole } from './rules'
import { listedPartyView, viewParty } from './views'

export const listParties = operation({
  name: 'listening-party.listParties',
  route: 'GET /parties',
  summary: 'List parties that you can join',
  description:
    'Newest first. Leaves out ended, empty and full parties, and parties that you are banned from or whose host blocks you.',
  auth: 'signed-in',
  input: shape(pagingFields),
  output: pageOf(listedPartyView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => null,

  allow: () => true,

  async run({ input, actor }, { app }) {
    const size = pageSize(input)
    const [before] = parseCursor(input, 1) ?? []
    const rows = await findJoinableParties(app, { viewer: actor.id, before: before ?? null, limit: size + 1 })
    const hosts = await loadProfileSummaries(rows.map(({ hostId }) => hostId))
    return toPage(rows, size, ({ id }) => [id]).map(row => {
      const host = hosts.get(row.hostId)
      if (host === undefined) throw new Error('the host of a party has no profile')
      return { ...viewParty(row, host, row.role), isPlaying: row.status === 'playing' }
    })
  },
})

type Row = Pick<
  Party,
  'id' | 'hostId' | 'title' | 'capacity' | 'memberCount' | 'rev' | 'status' | 'createdAt' | 'endedAt'
> & { role: PartyRole | null }

/** Newest first: ids are UUIDv7, which sort by creation time. Empty parties are left out, but can be joined by id. */
const findJoinableParties = (app: AppContext, replacements: { viewer: string; before: string | null; limit: number }) =>
  app.db.query<Row>(
    `select p.id, p.host_id as "hostId", p.title, p.capacity, p.member_count as "memberCount", p.rev, p.status,
       p.created_at as "createdAt", p.ended_at as "endedAt",
       case when p.host_id = m.profile_id then 'host' else m.role end as role
     from parties p left join party_members m on m.party_id = p.id and m.profile_id = :viewer
     where p.ended_at is null and p.member_count > 0
       and (p.member_count < p.capacity or m.profile_id is not null) and m.banned_at is null
       and not exists (select from blocks b where b.blocker_id = p.host_id and b.blocked_id = :viewer)
       and (cast(:before as uuid) is null or p.id < cast(:before as uuid))
     order by p.id desc limit :limit`,
    replacements,
  )
