interface WelcomeFields {
  port: number
  logs: string
  seconds: number
}

/** The text that `npm start` prints when the stack is ready: addresses, log folder and commands to try. */
export function welcomeMessage({ port, logs, seconds }: WelcomeFields): string {
  const secondPort = port + 1
  const portPrefix = port === 3000 ? '' : `PORT=${port} `
  return `
Tutti is ready after ${seconds.toFixed(1)} s.

  Nodes     http://localhost:${port}  and  http://localhost:${secondPort}
  API docs  http://localhost:${port}/api/v1/docs
  A token   ${portPrefix}npm run -s token -- ann
  Logs      ${logs}

Try, in another terminal:

  ANN=$(${portPrefix}npm run -s token -- ann)
  curl -s localhost:${port}/api/v1/me -H "Authorization: Bearer $ANN"
  curl -s 'localhost:${port}/api/v1/search/tracks?q=harbour'

The README continues from here: upload, stream, like, follow events, listen together. Ctrl-C stops everything.
`
}
