import { type Figure, isMet, judge, median, quantile, shareOfGoal, spreadOf } from '../bench/judge'
import { renderChart } from '../bench/report/chart'
import { renderReport } from '../bench/report/table'
import { selectPairs, measurePairs, type Pair, InvalidMeasurement } from '../bench/measure-pairs'
import { parseEventsFrame } from '../bench/load/delivery-counter'
import { scenarios } from '../bench/scenarios'

const figure = (overrides: Partial<Figure> = {}): Figure => ({
  name: 'single-events',
  title: 'CPU per delivered event',
  unit: '×',
  result: spreadOf([1.02, 1.04, 1.09]),
  goal: { is: 'at most', value: 1.1 },
  ours: '10.80 µs',
  baseline: '10.40 µs',
  remarks: [],
  ...overrides,
})
const missing = figure({
  name: 'durable-events',
  goal: { is: 'at least', value: 0.4 },
  result: spreadOf([0.3, 0.5, 0.31]),
})
const unmeasured = figure({ name: 'storm-reads', result: spreadOf([]), remarks: ['could not be measured: void'] })

describe('a figure', () => {
  it('is judged by its median, for goals of both directions', () => {
    expect(isMet(figure())).toBe(true)
    expect(isMet(figure({ result: spreadOf([1, 1.2, 1.2]) }))).toBe(false)
    expect(isMet(missing)).toBe(false)
    expect(isMet({ ...missing, result: spreadOf([0.4]) })).toBe(true)
  })

  it('misses its goal if it was not measured; without a goal it cannot miss', () => {
    expect(isMet(unmeasured)).toBe(false)
    expect(isMet({ result: unmeasured.result })).toBe(true)
  })

  it('is expressed as a share of its goal', () => {
    expect(shareOfGoal(0.2, { is: 'at most', value: 0.25 })).toBeCloseTo(0.8)
    expect(shareOfGoal(0.5, { is: 'at least', value: 0.4 })).toBeCloseTo(0.8)
  })
})

describe('the scenarios', () => {
  const figures = scenarios.flatMap(scenario => scenario.figures)

  it('measure each figure once', () => {
    const names = figures.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it.each([
    ['connect-and-resume', 2],
    ['connect-and-resume-bare', 3.5],
    ['rest-call', 1.8],
    ['socket-call', 2.2],
  ])('limit %s to %d times the baseline', (name, value) => {
    expect(figures.find(figure => figure.name === name)?.goal).toEqual({ is: 'at most', value })
  })
})

describe('the verdict', () => {
  it('is 0 when all goals are met', () => {
    expect(judge([figure()])).toEqual({ exitCode: 0, lines: [] })
  })

  it('is 1 and lists each missed figure with its value and goal', () => {
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

describe('measurements', () => {
  it('use medians and nearest-rank quantiles', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, NaN])
    const values = Array.from({ length: 100 }, (_, index) => index + 1)
    expect([quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1)]).toEqual([50, 99, 100])
  })

  it('exclude pairs with a deviating floor or CPU steal, and remark on it', () => {
    const pair = (overrides: Partial<Pair> = {}): Pair => ({ ours: 2, baseline: 1, floor: 1, steal: 0, ...overrides })
    const undisturbed = Array.from({ length: 8 }, () => pair())
    expect(selectPairs(undisturbed)).toEqual({ pairs: undisturbed, remarks: [] })
    expect(selectPairs([...undisturbed, pair({ floor: 1.2 }), pair({ steal: 0.03 })])).toEqual({
      pairs: undisturbed,
      remarks: ['2 of 10 pairs were disturbed and excluded'],
    })
    const disturbed = [pair(), ...Array.from({ length: 9 }, () => pair({ steal: 0.5 }))]
    expect(selectPairs(disturbed)).toEqual({
      pairs: disturbed,
      remarks: ['the machine was busy: 9 of 10 pairs were disturbed, all of them count'],
    })
  })

  it('alternate in the order ABCCBA, and repeat invalid runs', async () => {
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

  it('reject after three invalid runs, and at once on any other error', async () => {
    let runs = 0
    const failing = (error: Error) => async () => {
      runs += 1
      throw error
    }
    const constant = async () => 1
    await expect(measurePairs({ ours: failing(new InvalidMeasurement('lost')), baseline: constant })).rejects.toThrow(
      'lost',
    )
    expect(runs).toBe(3)
    await expect(measurePairs({ ours: failing(new Error('broken')), baseline: constant })).rejects.toThrow('broken')
    expect(runs).toBe(4)
  })

  it('parse the channel and offsets of an events frame', () => {
    const frame = { channel: 'track:x', epoch: 'e', events: [{ offset: 7 }, { offset: 8 }] }
    expect(parseEventsFrame(JSON.stringify(['events', frame]))).toEqual({ channel: 'track:x', from: 7, to: 8 })
    expect(parseEventsFrame(JSON.stringify(['state', { channel: 'track:x', values: {} }]))).toBeUndefined()
  })
})

describe('the report', () => {
  const figures = [figure(), missing, unmeasured, figure({ name: 'rest-call', title: 'A <b> & c' })]
  const about = { started: new Date('2026-11-22T12:00:00Z'), tookS: 300.4, machine: 'a machine', isPinned: true }

  it('is a table of all figures with command, machine, date and missed goals', () => {
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

  it('is a well-formed chart of the figures that have a goal', () => {
    const plot = renderChart(figures)
    expect(plot).toMatch(/^<svg [^]*<\/svg>\n$/)
    expect(plot).toContain('A &lt;b&gt; &amp; c')
    expect(plot).toContain('1.04 ×')
    expect(plot).toContain('not measured')
    expect(plot).not.toMatch(/NaN|undefined|Infinity/)
    expect(plot.match(/rx="2"/g)).toHaveLength(3)
  })
})
