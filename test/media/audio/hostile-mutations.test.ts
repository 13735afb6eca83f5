import { readFile } from 'node:fs/promises'
import { rejectionReasons } from '../../../media/audio/rejection'
import { getMe } from '../../../skills/user-profile/get-me'
import { type AudioKind, makeAudio } from '../../make-audio'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { mutateBytes } from './hostile-files'
import { validateAudio, validateAudioFiles } from './validate-audio'

/** Truncated audio is rejected; mutated audio is either accepted or rejected with a documented code. */
let testApp: TestApp
let ann: Person
let tools: { ffmpeg: string; ffprobe: string }
beforeAll(async () => {
  testApp = await createTestApp({ nodes: 1 })
  ann = await testApp.signIn('ann')
  tools = testApp.app.config.tools
})
afterAll(() => testApp[Symbol.asyncDispose]())

const kinds: AudioKind[] = ['mp3', 'aac', 'm4a', 'flac', 'ogg', 'opus', 'wav', 'aiff']
const makeShort = async (kind: AudioKind) => readFile(await makeAudio(tools.ffmpeg, kind, { seconds: 1.3 }))
const outcomes = [...Object.keys(rejectionReasons), 'taken']

describe.each(kinds)('%s', kind => {
  it('is rejected when truncated at any tenth', async () => {
    const whole = await makeShort(kind)
    expect(await validateAudio(tools, whole)).toBe('taken')
    const cuts = Array.from({ length: 9 }, (_, tenth) => whole.subarray(0, (whole.length * (tenth + 1)) / 10))
    for (const code of await validateAudioFiles(tools, cuts)) expect(['damaged', 'unsupported_format']).toContain(code)
  }, 60_000)

  it('is accepted or rejected after random mutations, while calls are answered', async () => {
    const whole = await makeShort(kind)
    const files = Array.from({ length: 30 }, (_, seed) => mutateBytes(whole, seed))
    const validating = validateAudioFiles(tools, files)
    for (let calls = 0; calls < 5; calls += 1) expect(await ann.call(getMe, {})).toMatchObject({ id: ann.id })
    for (const code of await validating) expect(outcomes).toContain(code)
  }, 60_000)
})
