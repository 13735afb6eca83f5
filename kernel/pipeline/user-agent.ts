const userAgentCharsMax = 256

/** The User-Agent header, truncated. Clients can send any value, so it must not be used for authorization. */
export const truncateUserAgent = (header: string | undefined): string | null =>
  header?.slice(0, userAgentCharsMax) ?? null
