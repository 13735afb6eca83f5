import { readFileSync } from 'node:fs'
import {
  networkPlaysPerDayMax,
  networkTrackPlaysPerDayMax,
  reportWithinMs,
  outcomes,
  toleranceMs,
  thresholdMsMax,
  repeatWindowMsMin,
} from '../../../skills/plays/rules'

it('the published rule names every outcome and the limits in force', () => {
  const rule = readFileSync('docs/count-plays.md', 'utf8')
  for (const outcome of outcomes) expect(rule).toContain(`\`${outcome}\``)
  expect({
    thresholdMsMax,
    windowMsMin: repeatWindowMsMin,
    slackMs: toleranceMs,
    offlineMsMax: reportWithinMs,
  }).toEqual({
    ...{ thresholdMsMax: 30_000, windowMsMin: 6 * 3_600_000, slackMs: 3_000, offlineMsMax: 24 * 3_600_000 },
  })
  for (const phrase of ['30 seconds', 'six hours', '3 seconds', '24 hours']) expect(rule).toContain(phrase)
  expect(rule).toContain(`at most ${networkTrackPlaysPerDayMax} plays a day of one track`)
  expect(rule).toContain(`${networkPlaysPerDayMax.toLocaleString('en')} of all`)
})
