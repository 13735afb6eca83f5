import { readFile } from 'node:fs/promises'
import { makeFromSource } from '../../make-audio'
import { testTools } from '../../audio-analysis'
import * as behind from './trailing-tags'
import { id3 } from './hostile-files'
import { validateAudio } from './validate-audio'

const tools = testTools()
const source = 'aevalsrc=0.5*sin(440*2*PI*t)*abs(sin(2*PI*t))|0.3*sin(330*2*PI*t):d=3:s=44100'
const music = async (extension: string, args: readonly string[] = []) =>
  readFile(await makeFromSource(tools.ffmpeg, source, args, extension))

describe('audio with trailing data', () => {
  it('that is a tag is accepted; truncated before the tag it is rejected', async () => {
    const [mp3, aac] = [await music('mp3'), await music('aac')]
    const picture = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from([0xff, 0xfb, 0x90, 0x64])))
    const tags = {
      ID3v1: behind.id3v1(),
      'APEv2 with a picture that looks like frames': behind.apeTag({ Title: Buffer.from('x'), Cover: picture }),
      Lyrics3: Buffer.concat([behind.lyrics3(), behind.id3v1()]),
      'ID3v2.4 with a foot': behind.id3v24WithFooter(),
      zeros: Buffer.alloc(5_000),
    }
    for (const [name, tag] of Object.entries(tags))
      for (const sound of [mp3, aac]) {
        expect([name, await validateAudio(tools, Buffer.concat([sound, tag]))]).toEqual([name, 'taken'])
        const half = Buffer.concat([sound.subarray(0, sound.length / 2)])
        expect([name, await validateAudio(tools, half)]).toEqual([name, 'damaged'])
      }
  }, 30_000)

  it.each(['flac', 'wav', 'aiff', 'm4a', 'ogg', 'opus'])('that is a tag foreign to %s is accepted', async extension => {
    const sound = await music(extension)
    for (const trailing of [behind.id3v1(), behind.apeTag({ Title: Buffer.from('x') }), Buffer.alloc(333)])
      expect(await validateAudio(tools, Buffer.concat([sound, trailing]))).toBe('taken')
  })

  it('that is more audio is accepted, unless that is truncated', async () => {
    const pairs = [
      [
        await music('mp3', ['-q:a', '2', '-write_id3v1', '1', '-metadata', 'title=x']),
        await music('mp3', ['-b:a', '64k']),
      ],
      [await music('ogg', ['-c:a', 'libvorbis']), await music('ogg', ['-c:a', 'libvorbis', '-q:a', '6'])],
      [await music('opus'), await music('opus', ['-b:a', '48k'])],
    ]
    for (const both of pairs) {
      const joined = Buffer.concat(both)
      expect(await validateAudio(tools, joined)).toBe('taken')
      expect(await validateAudio(tools, joined.subarray(0, -500))).toBe('damaged')
    }
  })
})

describe('an HTML page', () => {
  const page = Buffer.from('\n<!DOCTYPE html><html><body><script>alert(1)</script></body></html>\n')

  it.each(['mp3', 'aac', 'ogg', 'opus', 'wav', 'aiff', 'm4a', 'flac'])(
    'behind a %s is rejected as trailing content',
    async extension => {
      const whole = await music(extension)
      expect(await validateAudio(tools, Buffer.concat([whole, page]))).toBe('trailing_content')
    },
  )

  it('between a tag and the audio is rejected; within a tag it is accepted', async () => {
    const whole = await music('mp3', ['-id3v2_version', '0'])
    expect(await validateAudio(tools, Buffer.concat([id3(), page, whole]))).toBe('unsupported_format')
    expect(await validateAudio(tools, Buffer.concat([id3(['TIT2', Buffer.concat([Buffer.of(3), page])]), whole]))).toBe(
      'taken',
    )
    for (const sound of [whole, await music('flac')])
      expect(await validateAudio(tools, Buffer.concat([sound, behind.apeTag({ Comment: page })]))).toBe('taken')
  })
})
