export type Sharp = Awaited<ReturnType<typeof loadSharp>>

/**
 * Loads sharp lazily, so that processes that only serve never load libvips. No cache, one thread per picture, and
 * only the accepted formats.
 */
export async function loadSharp() {
  const { default: sharp } = await import('sharp')
  sharp.cache(false)
  sharp.concurrency(1)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: formats })
  return sharp
}

/** Loaders by the base classes that libvips names them by, for files and for memory. */
const formats = ['VipsForeignLoadJpeg', 'VipsForeignLoadPng', 'VipsForeignLoadWebp', 'VipsForeignLoadNsgif']
