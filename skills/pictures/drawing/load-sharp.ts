export type Sharp = Awaited<ReturnType<typeof loadSharp>>

/**
 * libvips, for those who draw alone: nodes that only serve never load it. Told to keep nothing, to use one thread a
 * picture, and to know no format but ours.
 */
export async function loadSharp() {
  const { default: sharp } = await import('sharp')
  sharp.cache(false)
  sharp.concurrency(1)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: formats })
  return sharp
}

/** As libvips names the loaders, by the base of those for files and for memory. */
const formats = ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp', 'VipsForeignLoadNsgif']
