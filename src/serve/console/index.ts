import type { ServeApp, ServeContext } from '../context.ts'
import { conversationRoutes } from './conversations.ts'
import { dataRoutes } from './data.ts'
import { keyRoutes } from './keys.ts'
import { replyRoutes } from './replies.ts'
import { requireAdmin } from './route.ts'
import { runRoutes } from './runs/routes.ts'
import { sessionRoutes } from './session.ts'
import { measureStore } from './store-metrics.ts'
import { systemRoutes } from './system.ts'

/** What the web console talks to, under `/api`. */
export function consoleRoutes(app: ServeApp, context: ServeContext): void {
  // Runs hold what models were trained on, and the machine is its owner's: neither is any key's business.
  for (const path of ['/api/runs/*', '/api/system/*']) {
    app.use(path, async (c, next) => {
      requireAdmin(c.var.caller)
      await next()
    })
  }
  measureStore(context.store, context.metrics.registry)
  sessionRoutes(app, context)
  conversationRoutes(app, context)
  replyRoutes(app, context)
  runRoutes(app, context)
  systemRoutes(app, context)
  keyRoutes(app, context)
  dataRoutes(app, context)
}
