import { type Figure, isMet, judge, median, quantile, shareOfGoal, spreadOf } from '../bench/judge'
import { renderChart } from '../bench/report/chart'
import { renderReport } from '../bench/report/table'
import { selectPairs, measurePairs, type Pair, InvalidMeasurement } from '../bench/measure-pairs'
import { parseEventsFrame } from '../bench/load/delivery-counter'
import { scenarios } from '../bench/scenarios'

const figure = (wish: Partial<Figure> = {}): Figure => ({
  name: 'single-events',
  title: 'CPU per delivered event',
  unit: '×',
  result: spreadOf([1.02, 1.04, 1.09]),
  goal: { is: 'at most', value: 1.1 },
  ours: '10.80 µs',
  baseline: '10.40 µs',
  remarks: [],
  ...wish,
})
const missing = figure({
  name: 'durable-events',
  goal: { is: 'at least', value: 0.4 },
  result: spreadOf([0.3, 0.5, 0.31]),
})
const unmeasured = figure({ name: 'storm-reads', result: spreadOf([]), remarks: ['could not be measured: void'] })

describe('a figure', () => {
  it('is judged by its median, whichever way its goal points', () => {
    expect(isMet(figure())).toBe(true)
    expect(isMet(figure({ result: spreadOf([1, 1.2, 1.2]) }))).toBe(false)
    expect(isMet(missing)).toBe(false)
    expect(isMet({ ...missing, result: spreadOf([0.4]) })).toBe(true)
  })

  it('that could not be measured misses its goal; one without a goal misses nothing', () => {
    expect(isMet(unmeasured)).toBe(false)
    expect(isMet({ result: unmeasured.result })).toBe(true)
  })

  it('takes a part of what its goal allows', () => {
    expect(shareOfGoal(0.2, { is: 'at most', value: 0.25 })).toBeCloseTo(0.8)
    expect(shareOfGoal(0.5, { is: 'at least', value: 0.4 })).toBeCloseTo(0.8)
  })
})

describe('the scenarios', () => {
  const promises = scenarios.flatMap(scenario => scenario.figures)

  it('measure each figure once', () => {
    const names = promises.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it.each([
    ['connect-and-resume', 2],
    ['connect-and-resume-bare', 3.5],
    ['rest-call', 1.8],
    ['socket-call', 2.2],
  ])('hold %s to at most %d times', (name, value) => {
    expect(promises.find(promised => promised.name === name)?.goal).toEqual({ is: 'at most', value })
  })
})

describe('the verdict', () => {
  it('is 0 when all goals are met', () => {
    expect(judge([figure()])).toEqual({ exitCode: 0, lines: [] })
  })

  it('is 1 and names each figure that misses, with what it is and should be', () => {
    const { exitCode, lines } = judge([figure(), missing, unmeasured])
    expect(exitCode).toBe(1)
    expect(lines).toEqual([
      'durable-events: CPU per delivered event is 0.31 ×; the goal is at least 0.40 ×',
      'storm-reads: CPU per delivered event could not be measured; the goal is at most 1.10 ×',
    ])
  })

  it('is 1 when nothing was measured', () => {
    expect(judge([])).toEqual({ exitCode: 1, lines: ['nothing was measured'] })
  })
})

describe('the numbers', () => {
  it('are medians and quantiles', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, NaN])
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
    expect([quantile(hundred, 0.5), quantile(hundred, 0.99), quantile(hundred, 1)]).toEqual([50, 99, 100])
  })

  it('leave out pairs whose floor deviates or whose time was stolen, and say so', () => {
    const pair = (wish: Partial<Pair> = {}): Pair => ({ ours: 2, baseline: 1, floor: 1, steal: 0, ...wish })
    const quiet = Array.from({ length: 8 }, () => pair())
    expect(selectPairs(quiet)).toEqual({ pairs: quiet, remarks: [] })
    expect(selectPairs([...quiet, pair({ floor: 1.2 }), pair({ steal: 0.03 })])).toEqual({
      pairs: quiet,
      remarks: ['2 of 10 pairs were disturbed and excluded'],
    })
    const noisy = [pair(), ...Array.from({ length: 9 }, () => pair({ steal: 0.5 }))]
    expect(selectPairs(noisy)).toEqual({
      pairs: noisy,
      remarks: ['the machine was busy: 9 of 10 pairs were disturbed, all of them count'],
    })
  })

  it('come in turns, ABCCBA, and what is void is measured again', async () => {
    const turns: string[] = []
    const turn = (name: string) => async () => {
      turns.push(name)
      if (turns.length === 2) throw new InvalidMeasurement('lost')
      return 1
    }
    const { pairs } = await measurePairs({
      rounds: 1,
      warmupRounds: 0,
      ours: turn('A'),
      baseline: turn('B'),
      floor: turn('C'),
    })
    expect(turns.slice(0, 7).join('')).toBe('ABBCCBA')
    expect(pairs.length).toBeGreaterThanOrEqual(2)
  })

  it('fail loudly when what is measured stays void, and at once when it is broken', async () => {
    let tries = 0
    const failing = (error: Error) => async () => {
      tries += 1
      throw error
    }
    const one = async () => 1
    await expect(measurePairs({ ours: failing(new InvalidMeasurement('lost')), baseline: one })).rejects.toThrow('lost')
    expect(tries).toBe(3)
    await expect(measurePairs({ ours: failing(new Error('broken')), baseline: one })).rejects.toThrow('broken')
    expect(tries).toBe(4)
  })

  it('know what a frame carries', () => {
    const frame = { channel: 'track:x', epoch: 'e', events: [{ offset: 7 }, { offset: 8 }] }
    expect(parseEventsFrame(JSON.stringify(['events', frame]))).toEqual({ channel: 'track:x', from: 7, to: 8 })
    expect(parseEventsFrame(JSON.stringify(['state', { channel: 'track:x', values: {} }]))).toBeUndefined()
  })
})

describe('the report', () => {
  const figures = [figure(), missing, unmeasured, figure({ name: 'rest-call', title: 'A <b> & c' })]
  const about = { started: new Date('2026-11-22T12:00:00Z'), tookS: 300.4, machine: 'a machine', isPinned: true }

  it('is a table of all figures, with its command, machine and date, and what is missed', () => {
    const table = renderReport(figures, about)
    for (const { name } of figures) expect(table).toContain(`\`${name}\``)
    expect(table).toContain('npm run bench -- --write')
    expect(table).toContain('2026-11-22')
    expect(table).toContain('a machine')
    expect(table).toContain('**1.04 ×** [1.02 – 1.09]')
    expect(table).toContain('Missed:\n\n- durable-events')
    expect(table).toContain('could not be measured')
    expect(renderReport([figure()], { ...about, isPinned: false })).toMatch(/Nothing is pinned[^]*Every goal is met/)
  })

  it('is a plot of the figures that have a goal, well-formed and without surprises', () => {
    const plot = renderChart(figures)
    expect(plot).toMatch(/^<svg [^]*<\/svg>\n$/)
    expect(plot).toContain('A &lt;b&gt; &amp; c')
    expect(plot).toContain('1.04 ×')
    expect(plot).toContain('not measured')
    expect(plot).not.toMatch(/NaN|undefined|Infinity/)
    expect(plot.match(/rx="2"/g)).toHaveLength(3)
  })
})
