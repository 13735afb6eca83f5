import { operation } from '../../kernel/pipeline/operation'
import { invalidField } from '../../kernel/pipeline/refusals'
import { count, id, list, optional, pattern, record, shape } from '../../kernel/pipeline/schema'
import { mayEditTrack } from '../tracks/rules'
import { loadVisibleTrack } from '../tracks/views'

const day = pattern(/^\d{4}-\d{2}-\d{2}$/, 10)
const daysMax = 366
const dayMs = 24 * 60 * 60_000

const outcomes = record(count)

export const getTrackPlays = operation({
  name: 'plays.getTrackPlays',
  route: 'GET /tracks/:trackId/plays',
  summary: "Get a track's play statistics",
  description:
    'Plays per day (UTC) and outcome: `counted`, or the reason why a play did not count (`own_track`, `repeated`, `too_short`, ' +
    '`concurrent`, `network_limit`, `implausible`). The last 30 days by default, at most 366. A play appears within two ' +
    'minutes of its outcome.',
  auth: 'signed-in',
  input: shape({ trackId: id, from: optional(day), to: optional(day) }),
  output: shape({ totals: outcomes, days: list(shape({ day, plays: outcomes }), daysMax) }),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: ({ trackId }, context) => loadVisibleTrack(trackId, context),

  allow: (actor, track) => mayEditTrack(actor, track),

  async run({ input, subject: track }, { now, app }) {
    const to = parseDay('to', input.to ?? now.toISOString().slice(0, 10))
    const from = input.from === undefined ? to - 29 * dayMs : parseDay('from', input.from)
    if (from > to || to - from >= daysMax * dayMs)
      throw invalidDay('from', `from must be at most ${daysMax} days before to`)
    const days = await app.db.query<Row>(playsByDay, {
      ...{ trackId: track.id, from: formatDay(from), to: formatDay(to) },
    })
    return { totals: sumOf(days.map(({ plays }) => plays)), days }
  },
})

interface Row {
  day: string
  plays: Record<string, number>
}

const playsByDay = `
  select to_char(day, 'YYYY-MM-DD') as day, jsonb_object_agg(outcome, plays) as plays from play_totals
  where track_id = :trackId and day between cast(:from as date) and cast(:to as date)
  group by play_totals.day order by play_totals.day`

const formatDay = (instant: number): string => new Date(instant).toISOString().slice(0, 10)

/** @throws `invalid_input` for a day that does not exist, such as the 30th of February */
function parseDay(path: string, text: string): number {
  const instant = Date.parse(`${text}T00:00:00Z`)
  if (Number.isNaN(instant) || formatDay(instant) !== text) throw invalidDay(path, `${path} is not a valid day`)
  return instant
}

const invalidDay = (path: string, message: string) => invalidField(path, 'invalid_date', message)

function sumOf(days: readonly Record<string, number>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const plays of days)
    for (const [outcome, number] of Object.entries(plays)) sum[outcome] = (sum[outcome] ?? 0) + number
  return sum
}
