import { readFile } from 'node:fs/promises'
import { rejectionReasons } from '../../../media/audio/rejection'
import { getMe } from '../../../skills/user-profile/get-me'
import { type AudioKind, makeAudio } from '../../make-audio'
import { type Person } from '../../person'
import { createTestApp, type TestApp } from '../../test-app'
import { mutateBytes } from './hostile-files'
import { validateAudio, validateAudioFiles } from './validate-audio'

/** Music that was cut off on its way is refused; what was changed is taken as what there is of it, or refused with a code of the list. */
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
const short = async (kind: AudioKind) => readFile(await makeAudio(tools.ffmpeg, kind, { seconds: 1.3 }))
const documented = [...Object.keys(rejectionReasons), 'taken']

describe.each(kinds)('%s', kind => {
  it('cut off at every tenth is refused', async () => {
    const whole = await short(kind)
    expect(await validateAudio(tools, whole)).toBe('taken')
    const cuts = Array.from({ length: 9 }, (_, tenth) => whole.subarray(0, (whole.length * (tenth + 1)) / 10))
    for (const code of await validateAudioFiles(tools, cuts)) expect(['damaged', 'unsupported_format']).toContain(code)
  }, 60_000)

  it('changed at random is taken or refused, while calls are answered', async () => {
    const whole = await short(kind)
    const files = Array.from({ length: 30 }, (_, seed) => mutateBytes(whole, seed))
    const judging = validateAudioFiles(tools, files)
    for (let calls = 0; calls < 5; calls += 1) expect(await ann.call(getMe, {})).toMatchObject({ id: ann.id })
    for (const code of await judging) expect(documented).toContain(code)
  }, 60_000)
})
