import { join } from 'node:path'
import { OpenAPIHono } from '@hono/zod-openapi'
import { R1Error } from '../errors.ts'
import { consoleRoutes } from './console/index.ts'
import type { ServeApp, ServeContext, ServeEnv } from './context.ts'
import { accessGuard } from './http/access.ts'
import { jsonGuard, sizeGuard } from './http/body.ts'
import { BadRequest, failureResponse } from './http/failure.ts'
import { corsGuard, hostGuard, plainHeaders } from './http/guards.ts'
import { requestLog } from './observe/request-log.ts'
import { packageFolder } from './observe/version.ts'
import { chatRoutes } from './routes/chat.ts'
import { completionRoutes } from './routes/completions.ts'
import { consoleFiles } from './routes/console-files.ts'
import { documentRoutes } from './routes/document.ts'
import { embeddingRoutes } from './routes/embeddings.ts'
import { healthRoutes } from './routes/health.ts'
import { modelRoutes } from './routes/models.ts'
import { responseRoutes } from './routes/responses.ts'
import { tokenRoutes } from './routes/tokens.ts'

/** Puts a server's routes together. It listens to nothing: whoever has it may also ask it directly. */
export function createApp(context: ServeContext): ServeApp {
  const { config } = context
  const app: ServeApp = new OpenAPIHono<ServeEnv>({
    defaultHook: (result) => {
      if (!result.success) throw badField(result.error.issues)
    },
  })
  app.onError((error, c) => {
    const response = failureResponse(error)
    if (response.status === 500) context.log.error({ err: error, requestId: c.var.requestId }, 'a request failed')
    return response
  })
  app.notFound((c) => failureResponse(new R1Error('not-found', `There is nothing at ${c.req.path.slice(0, 200)}.`)))
  app.use(requestLog(context))
  app.use(plainHeaders)
  app.use(hostGuard(config.host, config.allowedHosts))
  app.use(corsGuard(config.corsOrigins))
  app.use(consoleFiles(join(packageFolder(), 'dist/console')))
  app.use(accessGuard(context))
  app.use(sizeGuard(config.bodyBytes))
  app.use(jsonGuard)

  healthRoutes(app, context)
  modelRoutes(app, context)
  chatRoutes(app, context)
  completionRoutes(app, context)
  responseRoutes(app, context)
  embeddingRoutes(app, context)
  tokenRoutes(app, context)
  consoleRoutes(app, context)
  documentRoutes(app, context)
  return app
}

/** What is wrong with a request's fields, as an error. */
function badField(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): BadRequest {
  const [issue] = issues
  const path = issue?.path.map(String).join('.') ?? ''
  const where = path === '' ? 'The body' : path.slice(0, 200)
  return new BadRequest(`${where}: ${issue?.message ?? 'not valid'}.`, path === '' ? null : path.slice(0, 200))
}
