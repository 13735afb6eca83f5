import express, { type Application, type Response } from 'express'
import { absolutePath } from 'swagger-ui-dist'
import { asyncApi } from '../kernel/docs/asyncapi'
import { openApi } from '../kernel/docs/openapi'
import { type Product } from '../kernel/product'
import { livePage } from './docs-pages/live-page'
import { liveScript } from './docs-pages/live-script'
import { restPage, restScript } from './docs-pages/rest-page'
import { style } from './docs-pages/style'
import { apiRoot } from './rest'

/** The documents, made from the list of operations, and pages that show them, from this server alone. */
export function serveDocs(app: Application, product: Product): void {
  const documents = { 'openapi.json': openApi(product), 'asyncapi.json': asyncApi(product) }
  for (const [name, document] of Object.entries(documents))
    app.get(`${apiRoot}/${name}`, (_request, response) => {
      response.json(document)
    })
  for (const [path, { type, text, policy }] of Object.entries(pages))
    app.get(apiRoot + path, (_request, response) => {
      allow(response, policy)
      response.type(type).send(text)
    })
  app.use(`${apiRoot}/docs`, express.static(absolutePath(), { index: false, maxAge: '1h' }))
}

const own = "default-src 'self'"
/** Swagger UI sets styles from its script and draws its icons from data. */
const swagger = `${own}; style-src 'self' 'unsafe-inline'; img-src 'self' data:`

const pages: Readonly<Record<string, { type: string; text: string; policy: string }>> = {
  '/docs': { type: 'html', text: restPage, policy: swagger },
  '/docs/start.js': { type: 'js', text: restScript, policy: own },
  '/docs/live': { type: 'html', text: livePage, policy: own },
  '/docs/live.js': { type: 'js', text: liveScript, policy: own },
  '/docs/pages.css': { type: 'css', text: style, policy: own },
}

function allow(response: Response, policy: string): void {
  response.set('Content-Security-Policy', `${policy}; frame-ancestors 'none'; base-uri 'none'`)
}
