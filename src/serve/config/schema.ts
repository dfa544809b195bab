import { z } from 'zod'
import { weightPrecisions } from '../../models/weight-precision.ts'

/** A whole number in a range. */
const whole = (least: number, most: number) => z.number().int().min(least).max(most)

/** A list, or one thing in its place. */
const list = (item: z.ZodType<string>) =>
  z.union([item.transform((one) => [one]), z.array(item)]).pipe(z.array(z.string()))

/**
 * Everything that can be set about the server, with what it is without being set. Each key is a line of the configuration
 * file, an environment variable (`idleMinutes` is `R1_SERVE_IDLE_MINUTES`) and a flag (`--idle-minutes`).
 */
export const serveSchema = z
  .object({
    host: z.string().min(1).default('127.0.0.1'),
    /** 0 takes any that is free. */
    port: whole(0, 65535).default(8000),
    /** `name`, `path` or `name=path`; the first is the default. What ships with the package without it. */
    model: list(z.string().min(1)).default([]),
    /** Folder of the database; that of the user's data without it. */
    data: z.string().min(1).optional(),
    /** Folder of the runs that the console shows. */
    runs: z.string().min(1).default('runs'),

    slots: whole(1, 1024).default(8),
    context: whole(2, 2 ** 20).optional(),
    threads: whole(1, 1024).optional(),
    weights: z.enum(weightPrecisions).default('file'),
    cacheType: z.enum(['f16', 'f32', 'int8']).default('f16'),
    /** Runs each engine in a process of its own: a crash of it is mended, and ends no other request. */
    isolate: z.boolean().default(true),
    /** Loads the default model when the server starts, not at the first request. */
    preload: z.boolean().default(true),
    /** A model that nobody has asked for so long is unloaded; the default model stays. 0 keeps all. */
    idleMinutes: z.number().min(0).max(1e6).default(10),
    /** Models in memory at once. */
    mostLoaded: whole(1, 64).default(3),

    /** Requests that may wait or run. */
    mostRequests: whole(1, 100_000).default(128),
    /** Tokens of prompts that may wait. */
    mostQueuedTokens: whole(1, 2 ** 30).default(2 ** 18),
    /** New tokens of a request that sets no limit of its own. */
    maxTokens: whole(1, 2 ** 20).optional(),
    bodyBytes: whole(1024, 2 ** 30).default(2 ** 21),
    headerBytes: whole(1024, 2 ** 20).default(2 ** 14),
    /** Within so many seconds the headers, and the whole of a request, must have come. */
    headerSeconds: z.number().min(0.1).max(3600).default(10),
    bodySeconds: z.number().min(0.1).max(3600).default(30),
    /** A reader that takes nothing for so long is cut off. */
    stallSeconds: z.number().min(0.1).max(3600).default(60),
    /** Between comments that keep a silent stream open. */
    keepAliveSeconds: z.number().min(0.05).max(3600).default(5),
    /** What is under way at SIGTERM has so long to finish. */
    drainSeconds: z.number().min(0).max(3600).default(30),

    /** Origins of other web sites that may call from a browser. */
    corsOrigins: list(z.string().min(1)).default([]),
    /** Names, besides those of this machine, by which the server may be called. `*` allows any. */
    allowedHosts: list(z.string().min(1)).default([]),
    /** May do everything, and manages keys. */
    adminKey: z.string().min(16).optional(),
    /** Asks for a key even where there is none yet. */
    requireKeys: z.boolean().default(false),
    /** Requests and tokens a minute for keys without limits of their own; without it there are none. */
    requestsPerMinute: whole(1, 1e9).optional(),
    tokensPerMinute: whole(1, 1e12).optional(),

    /** By which names thoughts are given out: DeepSeek's `reasoning_content`, vLLM's `reasoning`. */
    reasoningField: z.enum(['both', 'reasoning_content', 'reasoning']).default('both'),
    /** Lets requests name a template's variables. */
    templateVariables: z.boolean().default(true),
    logLevel: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
    /** Prompts and texts are written into the log. */
    logPrompts: z.boolean().default(false),
  })
  .strict()

/** How a server is set up. */
export type ServeConfig = z.output<typeof serveSchema>

/** What is set about a server; the rest is as {@link serveSchema} has it. */
export type ServeSettings = z.input<typeof serveSchema>

/** Names of everything that can be set. */
export const serveKeys = Object.keys(serveSchema.shape) as readonly (keyof ServeConfig)[]
