import { rewritePlaylist } from '../../../skills/streaming/rewrite-playlist'

const key = 'audio/t/u/hls/aac-160.m3u8'
const sign = async (objectKey: string) => `https://cdn.example/${objectKey}?Signature=$&`

describe('a rewritten playlist', () => {
  it('has a signed URL at every URI, signed once per object key', async () => {
    const signedKeys: string[] = []
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
    const rendered = await rewritePlaylist(
      playlist,
      key,
      async objectKey => (signedKeys.push(objectKey), sign(objectKey)),
    )
    const signedUrl = 'https://cdn.example/audio/t/u/hls/aac-160.mp4?Signature=$&'
    expect(rendered.split('\n')).toEqual([
      '#EXTM3U',
      `#EXT-X-MAP:URI="${signedUrl}",BYTERANGE="765@0"`,
      ...['#EXTINF:6.0,', '#EXT-X-BYTERANGE:100@765', signedUrl],
      ...['#EXTINF:3.0,', '#EXT-X-BYTERANGE:50@865', signedUrl],
      ...['#EXT-X-ENDLIST', ''],
    ])
    expect(signedKeys).toEqual(['audio/t/u/hls/aac-160.mp4'])
  })

  it('leaves similar attributes unchanged', async () => {
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
