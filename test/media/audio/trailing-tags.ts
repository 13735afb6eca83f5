/** Tags that other programs append to audio files. */

export const id3v1 = (): Buffer => Buffer.from(`TAG${'The last bus'.padEnd(125)}`, 'latin1')

/** An APEv2 tag with header and footer. */
export function apeTag(items: Record<string, Buffer>): Buffer {
  const body = Buffer.concat(
    Object.entries(items).map(([name, value]) => Buffer.concat([u32(value.length), u32(0), latin(`${name}\0`), value])),
  )
  const frame = (flags: number) =>
    Buffer.concat([
      ...[latin('APETAGEX'), u32(2_000), u32(body.length + 32), u32(Object.keys(items).length), u32(flags)],
      Buffer.alloc(8),
    ])
  return Buffer.concat([frame(0xa000_0000), body, frame(0x8000_0000)])
}

export function lyrics3(): Buffer {
  const words = 'LYRICSBEGININD0000200LYR00010[00:01]la\r\n'
  return latin(`${words}${String(words.length).padStart(6, '0')}LYRICS200`)
}

export function id3v24WithFooter(): Buffer {
  const frame = latin('TIT2\0\0\0\u0004\0\0\u0003abc')
  const header = Buffer.concat([Buffer.of(4, 0, 0x10, 0, 0, 0), Buffer.of(frame.length)])
  return Buffer.concat([latin('ID3'), header, frame, latin('3DI'), header])
}

const latin = (text: string) => Buffer.from(text, 'latin1')

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
