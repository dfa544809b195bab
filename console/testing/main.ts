import { join } from 'node:path'
import { StandIn } from './stand-in.ts'

// `npm run console:try`: the built console before a server that makes everything up, to look at it.
const folder = join(import.meta.dirname, '../../dist/console')
const standIn = await StandIn.start({ folder, port: Number(process.env.PORT ?? 0), pace: 25 })
console.log(standIn.address)
