import type { ServeApp, ServeContext } from '../context.ts'
import { documentPage } from './document-page.ts'

/** `/openapi.json`, and `/docs`, a page that shows it and fetches nothing from elsewhere. */
export function documentRoutes(app: ServeApp, { version }: ServeContext): void {
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'deepseek-r1',
      version,
      description: 'Reasoning models over HTTP, as OpenAI, DeepSeek and vLLM speak it.',
      license: { name: 'MIT' },
    },
    security: [{ key: [] }],
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' })
  app.get('/docs', (c) =>
    c.html(documentPage, 200, {
      'content-security-policy':
        "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
    }),
  )
}
