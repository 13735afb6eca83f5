import { rewritePlaylist } from '../../../skills/streaming/rewrite-playlist'

const key = 'audio/t/u/hls/aac-160.m3u8'
const sign = async (of: string) => `https://cdn.example/${of}?Signature=$&`

describe('a playlist with addresses', () => {
  it('has one at every place where something is fetched, and is asked once for each', async () => {
    const asked: string[] = []
    const playlist = [
      '#EXTM3U',
      '#EXT-X-MAP:URI="aac-160.mp4",BYTERANGE="765@0"',
      '#EXTINF:6.0,',
      '#EXT-X-BYTERANGE:100@765',
      'aac-160.mp4',
      '#EXTINF:3.0,',
      '#EXT-X-BYTERANGE:50@865',
      'aac-160.mp4\r',
      '#EXT-X-ENDLIST',
      '',
    ].join('\n')
    const rendered = await rewritePlaylist(playlist, key, async of => (asked.push(of), sign(of)))
    const address = 'https://cdn.example/audio/t/u/hls/aac-160.mp4?Signature=$&'
    expect(rendered.split('\n')).toEqual([
      '#EXTM3U',
      `#EXT-X-MAP:URI="${address}",BYTERANGE="765@0"`,
      ...['#EXTINF:6.0,', '#EXT-X-BYTERANGE:100@765', address],
      ...['#EXTINF:3.0,', '#EXT-X-BYTERANGE:50@865', address],
      ...['#EXT-X-ENDLIST', ''],
    ])
    expect(asked).toEqual(['audio/t/u/hls/aac-160.mp4'])
  })

  it('leaves attributes alone that only look like one', async () => {
    const line = '#EXT-X-MEDIA:TYPE=AUDIO,X-URI="x",URI="aac-96.m3u8",NAME="a, URI=b"'
    expect(await rewritePlaylist(line, key, async () => 'A')).toBe(line.replace('"aac-96.m3u8"', '"A"'))
  })

  it.each([
    'https://elsewhere.example/a.mp4',
    '//elsewhere/a.mp4',
    '/etc/passwd',
    '../u.flac',
    'a/b.mp4',
    '..',
    '.hidden',
    'a.mp4?x=1',
    'a%2Fb.mp4',
    '#EXT-X-MAP:URI="../u.flac"',
    '#EXT-X-KEY:METHOD=AES-128,URI="data:text/plain,1"',
  ])('is refused when it refers to %s', async line => {
    await expect(rewritePlaylist(`#EXTM3U\n${line}\n`, key, sign)).rejects.toThrow('outside its folder')
  })
})
