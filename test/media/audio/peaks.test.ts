import fc from 'fast-check'
import { createPeakCollector, peaksMax } from '../../../media/audio/peaks'

const samplesOf = (values: readonly number[]) => Buffer.from(Int16Array.from(values).buffer)

describe('peaks', () => {
  it('are the same for any division of the audio into chunks', () => {
    const samples = fc.array(fc.integer({ min: -32_768, max: 32_767 }), { minLength: 1, maxLength: 2_000 })
    fc.assert(
      fc.property(samples, fc.array(fc.integer({ min: 0, max: 501 }), { maxLength: 20 }), (values, cuts) => {
        const bytes = samplesOf(values)
        const whole = createPeakCollector()
        whole.add(bytes)
        const chunked = createPeakCollector()
        let at = 0
        for (const size of [...cuts, bytes.length]) {
          chunked.add(bytes.subarray(at, at + size))
          at = Math.min(at + size, bytes.length)
        }
        expect(chunked.finish()).toEqual(whole.finish())
        expect(chunked.sampleCount()).toBe(values.length)
        const loudest = Math.min(255, Math.round((Math.max(...values.map(Math.abs)) / 32_767) * 255))
        expect(Math.max(...whole.finish())).toBe(loudest)
        expect(whole.finish()).toHaveLength(Math.min(peaksMax, values.length))
      }),
    )
  })

  it.each([8_000, 8_001, 16_000, 100_000, 1_000_003])('of %i samples have a loud sample at its position', count => {
    for (const share of [0, 0.25, 0.5, 0.999]) {
      const values = new Int16Array(count)
      values[Math.floor(count * share)] = 32_767
      const peaks = createPeakCollector()
      peaks.add(Buffer.from(values.buffer))
      const found = peaks.finish()
      expect(found).toHaveLength(peaksMax)
      expect(found.filter(peak => peak > 0)).toHaveLength(1)
      expect(Math.abs(found.indexOf(255) / peaksMax - share)).toBeLessThan(0.01)
    }
  })

  it('take constant memory for audio of any length', () => {
    const peaks = createPeakCollector()
    const second = Buffer.alloc(16_000, 7)
    const addSeconds = (seconds: number) => {
      for (let count = 0; count < seconds; count += 1) peaks.add(second)
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const early = addSeconds(60)
    expect(addSeconds(20 * 60) - early).toBeLessThan(4 * 1024 * 1024)
    expect(peaks.sampleCount()).toBe(8_000 * (60 + 20 * 60))
    expect(peaks.finish()).toHaveLength(peaksMax)
  })

  it('of empty audio are empty', () => {
    expect(createPeakCollector().finish()).toHaveLength(0)
  })
})
