import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { count, id, list, optional, pattern, record, shape } from '../../kernel/schema'
import { mayEditTrack } from '../streaming/rules'
import { visibleTrack } from '../streaming/views'

const day = pattern(/^\d{4}-\d{2}-\d{2}$/, 10)
const daysMax = 366
const dayMs = 24 * 60 * 60_000

const outcomes = record(count)

export const getTrackPlays = operation({
  name: 'plays.getTrackPlays',
  route: 'GET /tracks/:trackId/plays',
  summary:
    'How often your track was played, by day (UTC) and by what became of it: `counted`, or the reason why not (`own_track`, ' +
    '`repeated`, `too_short`, `concurrent`, `network_limit`, `implausible`). The last 30 days unless told otherwise, at most ' +
    '366. A play is in it within a minute or two of being decided.',
  who: 'signed-in',
  input: shape({ trackId: id, from: optional(day), to: optional(day) }),
  output: shape({ totals: outcomes, days: list(shape({ day, plays: outcomes }), daysMax) }),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: ({ trackId }, context) => visibleTrack(trackId, context),

  allow: (actor, track) => mayEditTrack(actor, track),

  async run({ input, subject: track }, { now, world }) {
    const to = instantOf('to', input.to ?? now.toISOString().slice(0, 10))
    const from = input.from === undefined ? to - 29 * dayMs : instantOf('from', input.from)
    if (from > to || to - from >= daysMax * dayMs) throw wrong('from', `from must be at most ${daysMax} days before to`)
    const rows = await world.db.query<Row>(byDay, { trackId: track.id, from: textOf(from), to: textOf(to) })
    const days = rows.map(({ day: of, plays }) => ({ day: of, plays }))
    return { totals: sumOf(days.map(({ plays }) => plays)), days }
  },
})

interface Row {
  day: string
  plays: Record<string, number>
}

const byDay = `
  select to_char(day, 'YYYY-MM-DD') as day, jsonb_object_agg(outcome, plays) as plays from play_totals
  where track_id = :trackId and day between cast(:from as date) and cast(:to as date)
  group by play_totals.day order by play_totals.day`

const textOf = (instant: number): string => new Date(instant).toISOString().slice(0, 10)

/** @throws `invalid_input` for a day that there is not, such as the 30th of February */
function instantOf(path: string, text: string): number {
  const instant = Date.parse(`${text}T00:00:00Z`)
  if (Number.isNaN(instant) || textOf(instant) !== text) throw wrong(path, `${path} is no day`)
  return instant
}

const wrong = (path: string, message: string) =>
  refusals.invalidInput(undefined, { errors: [{ path, code: 'not_a_day', message }] })

function sumOf(days: readonly Record<string, number>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const plays of days)
    for (const [outcome, many] of Object.entries(plays)) sum[outcome] = (sum[outcome] ?? 0) + many
  return sum
}
