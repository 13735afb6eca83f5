import express, { type Application, type Response } from 'express'
import absolutePath from 'swagger-ui-dist/absolute-path'
import { generateAsyncApi } from '../kernel/docs/asyncapi'
import { generateOpenApi } from '../kernel/docs/openapi'
import { type Registry } from '../kernel/pipeline/registry'
import { examples } from './docs-pages/examples'
import { livePage } from './docs-pages/live-page'
import { liveScript } from './docs-pages/live-script'
import { restPage, restScript } from './docs-pages/rest-page'
import { style } from './docs-pages/styles'
import { apiRoot } from './rest'

/** Serves the generated documents and the pages that show them, without third-party hosts. */
export function serveDocs(expressApp: Application, registry: Registry): void {
  for (const [name, document] of Object.entries(documentsOf(registry)))
    expressApp.get(`${apiRoot}/${name}`, (_request, response) => {
      response.json(document)
    })
  for (const [path, { type, text, policy }] of Object.entries(pages))
    expressApp.get(apiRoot + path, (_request, response) => {
      setPolicy(response, policy)
      response.type(type).send(text)
    })
  expressApp.use(`${apiRoot}/docs`, express.static(absolutePath(), { index: false, maxAge: '1h' }))
}

/** Generated once a process: it takes 100 ms, and the tests start hundreds of nodes in one process. */
const made = new WeakMap<Registry, Documents>()
type Documents = Readonly<Record<'openapi.json' | 'asyncapi.json', object>>

function documentsOf(registry: Registry): Documents {
  const documents = made.get(registry) ?? {
    'openapi.json': generateOpenApi(registry, examples),
    'asyncapi.json': generateAsyncApi(registry, examples),
  }
  made.set(registry, documents)
  return documents
}

const selfOnly = "default-src 'self'"
/** Swagger UI sets inline styles and uses data URLs for its icons. */
const swaggerPolicy = `${selfOnly}; style-src 'self' 'unsafe-inline'; img-src 'self' data:`

const pages: Readonly<Record<string, { type: string; text: string; policy: string }>> = {
  '/docs': { type: 'html', text: restPage, policy: swaggerPolicy },
  '/docs/start.js': { type: 'js', text: restScript, policy: selfOnly },
  '/docs/live': { type: 'html', text: livePage, policy: selfOnly },
  '/docs/live.js': { type: 'js', text: liveScript, policy: selfOnly },
  '/docs/pages.css': { type: 'css', text: style, policy: selfOnly },
}

function setPolicy(response: Response, policy: string): void {
  response.set('Content-Security-Policy', `${policy}; frame-ancestors 'none'; base-uri 'none'`)
}
