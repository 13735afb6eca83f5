import express, { type Application, type Response } from 'express'
import { absolutePath } from 'swagger-ui-dist'
import { asyncApi } from '../kernel/docs/asyncapi'
import { openApi } from '../kernel/docs/openapi'
import { type Product } from '../kernel/product'
import { apiRoot } from './rest'

/** The documents, made from the list of operations, and Swagger UI from this server alone. */
export function serveDocs(app: Application, product: Product): void {
  const documents = { 'openapi.json': openApi(product), 'asyncapi.json': asyncApi(product) }
  for (const [name, document] of Object.entries(documents))
    app.get(`${apiRoot}/${name}`, (_request, response) => {
      response.json(document)
    })
  app.get(`${apiRoot}/docs`, (_request, response) => {
    allowOwnScripts(response)
    response.type('html').send(page)
  })
  app.get(`${apiRoot}/docs/start.js`, (_request, response) => {
    response.type('js').send(start)
  })
  app.use(`${apiRoot}/docs`, express.static(absolutePath(), { index: false, maxAge: '1h' }))
}

function allowOwnScripts(response: Response): void {
  response.set(
    'Content-Security-Policy',
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
  )
}

const page = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Tutti API</title>
  <link rel="stylesheet" href="docs/swagger-ui.css">
  <link rel="icon" href="data:,">
</head>
<body>
  <div id="ui"></div>
  <script src="docs/swagger-ui-bundle.js"></script>
  <script src="docs/start.js"></script>
</body>
</html>
`

const start = `SwaggerUIBundle({
  url: '${apiRoot}/openapi.json',
  dom_id: '#ui',
  deepLinking: true,
  persistAuthorization: true,
  validatorUrl: null,
})
`
