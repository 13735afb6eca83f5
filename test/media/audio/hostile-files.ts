/** Malicious audio files, built by hand, so that the code shows what is wrong with each. */

const latin = (text: string) => Buffer.from(text, 'latin1')
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Playlists that make a careless player fetch a URL. */
export const playlists = (url: string): Record<string, string> => ({
  m3u: `#EXTM3U\n#EXTINF:5,x\n${url}\n`,
  hls: `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:5,\n${url}\n#EXT-X-ENDLIST\n`,
  'hls of variants': `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${url}\n`,
  'hls with a key': `#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="${url}"\n#EXTINF:5,\n/etc/passwd\n#EXT-X-ENDLIST\n`,
  'hls of tricks': `#EXTM3U\n#EXTINF:1,\nconcat:${url}|subfile,,start,0,end,64,,:/etc/passwd\n#EXT-X-ENDLIST\n`,
  pls: `[playlist]\nFile1=${url}\nLength1=-1\nNumberOfEntries=1\nVersion=2\n`,
  xspf: `<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track><location>${url}</location></track></trackList></playlist>`,
  asx: `<asx version="3.0"><entry><ref href="${url}"/></entry></asx>`,
  smil: `<smil><body><audio src="${url}"/></body></smil>`,
  dash: `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>${url}</BaseURL></MPD>`,
  cue: `FILE "${url}" MP3\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n`,
  concat: `ffconcat version 1.0\nfile '${url}'\nfile '/etc/passwd'\n`,
  sdp: `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n`,
  subfile: `subfile,,start,0,end,0,,:${url}`,
  data: `data:audio/mpeg;base64,SUQzBAAAAAAAAA==\n${url}`,
  rtsp: `rtsptext\n${url.replace('http', 'rtsp')}\n`,
})

/** The first bytes of real audio files, by format. */
export const fileSignatures: Record<string, Buffer> = {
  mp3: latin('ID3\u0004\u0000\u0000\u0000\u0000\u0000\u0000'),
  flac: Buffer.concat([latin('fLaC'), u32(0x80000022), Buffer.alloc(34)]),
  wav: Buffer.concat([latin('RIFF\u00ff\u00ff\u0000\u0000WAVE')]),
  ogg: Buffer.concat([latin('OggS'), Buffer.alloc(24), latin('\u0001vorbis')]),
  aiff: Buffer.concat([latin('FORM'), u32(0xffff), latin('AIFF')]),
  m4a: Buffer.concat([u32(20), latin('ftypM4A '), u32(0), latin('M4A ')]),
}

/** An ID3v2 tag with these frames; sizes have seven bits per byte. */
export function id3(...frames: [name: string, content: Buffer][]): Buffer {
  const synchsafe = (value: number) =>
    Buffer.of((value >> 21) & 127, (value >> 14) & 127, (value >> 7) & 127, value & 127)
  const body = Buffer.concat(
    frames.map(([name, content]) => Buffer.concat([latin(name), synchsafe(content.length), Buffer.alloc(2), content])),
  )
  return Buffer.concat([latin('ID3'), Buffer.of(4, 0, 0), synchsafe(body.length), body])
}

/** A FLAC file with pictures of 15 MB each before its audio. */
export function flacWithPictures(flac: Buffer, pictures: number): Buffer {
  const picture = Buffer.alloc(15 * 1024 * 1024)
  const blocks = Array.from({ length: pictures }, () => [Buffer.of(6), u32(picture.length).subarray(1), picture]).flat()
  const streamInfo = flac.subarray(4, 42)
  const first = Buffer.concat([Buffer.of((streamInfo[0] ?? 0) & 0x7f), streamInfo.subarray(1)])
  // The rest starts with more metadata blocks; the last one has the last-block flag.
  return Buffer.concat([flac.subarray(0, 4), first, ...blocks, flac.subarray(42)])
}

/** A WAV file with an arbitrary header. */
export function wav({ channels = 1, sampleRate = 44_100, bits = 16, claimed = 0, bytes = 200_000 }): Buffer {
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(Math.min(36 + (claimed || bytes), 0xffff_ffff), 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(channels, 22)
  head.writeUInt32LE(sampleRate, 24)
  head.writeUInt32LE((sampleRate * channels * (bits / 8)) % 0x1_0000_0000, 28)
  head.writeUInt16LE((channels * (bits / 8)) % 0x1_0000, 32)
  head.writeUInt16LE(bits, 34)
  head.write('data', 36)
  head.writeUInt32LE(claimed || bytes, 40)
  return Buffer.concat([head, Buffer.alloc(bytes, 3)])
}

/** MP4 atoms nested to this depth. */
export function nestedAtoms(depth: number): Buffer {
  const heads = Array.from({ length: depth }, (_, level) =>
    Buffer.concat([u32((depth - level) * 8), latin(level === 0 ? 'moov' : 'udta')]),
  )
  return Buffer.concat([fileSignatures.m4a ?? Buffer.alloc(0), ...heads])
}

/** An M4A whose audio data is at an external URL: a QuickTime `dref`, with the sizes of all outer boxes adjusted. */
export function mp4WithExternalData(m4a: Buffer, url: string): Buffer {
  const at = m4a.indexOf('url \0\0\0\u0001', 0, 'latin1')
  const more = latin(`${url}\0`)
  const grown = Buffer.concat([m4a.subarray(0, at + 4), Buffer.alloc(4), more, m4a.subarray(at + 8)])
  for (const name of ['moov', 'trak', 'mdia', 'minf', 'dinf', 'dref', 'url ']) {
    const box = grown.lastIndexOf(name, at, 'latin1') - 4
    grown.writeUInt32BE(grown.readUInt32BE(box) + more.length, box)
  }
  return grown
}

/** An Ogg file whose last page claims this number of samples; checksums are valid. */
export function oggClaimingSamples(ogg: Buffer, samples: bigint): Buffer {
  const changed = Buffer.from(ogg)
  const page = changed.lastIndexOf('OggS', undefined, 'latin1')
  changed.writeBigInt64LE(samples, page + 6)
  changed.writeUInt32LE(0, page + 22)
  changed.writeUInt32LE(oggChecksum(changed.subarray(page)), page + 22)
  return changed
}

function oggChecksum(page: Buffer): number {
  let sum = 0
  for (const byte of page) {
    sum ^= byte << 24
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 0x8000_0000 ? (sum << 1) ^ 0x04c1_1db7 : sum << 1
  }
  return sum >>> 0
}

export const replaceText = (file: Buffer, from: string, to: string): Buffer => {
  const changed = Buffer.from(file)
  for (let at = changed.indexOf(from, 0, 'latin1'); at >= 0; at = changed.indexOf(from, at + 1, 'latin1'))
    changed.write(to, at, 'latin1')
  return changed
}

/** Changes, removes or repeats some bytes of a file; the same seed gives the same result. */
export function mutateBytes(file: Buffer, seed: number): Buffer {
  let state = seed * 2_654_435_761 + 1
  const random = (below: number) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9) >>> 0
    return ((state ^ (state >>> 13)) >>> 0) % Math.max(1, below)
  }
  let changed = Buffer.from(file)
  // Half of the mutations are in the first 600 bytes, because the header has the most effect.
  const randomOffset = () => (random(2) === 0 ? random(Math.min(600, changed.length)) : random(changed.length))
  for (let count = 1 + random(12); count > 0; count -= 1) {
    const at = randomOffset()
    const kind = random(5)
    if (kind < 3) changed[at] = [0, 255, random(256)][kind] ?? 0
    else if (kind === 3) changed = Buffer.concat([changed.subarray(0, at), changed.subarray(at + random(40))])
    else changed = Buffer.concat([changed.subarray(0, at + random(40)), changed.subarray(at)])
  }
  return changed
}
