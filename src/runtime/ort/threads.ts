/**
 * Asynchronous calls run on the threads of libuv's pool, which also reads files and looks up hosts. One thread is left to
 * those, and further calls wait here: koffi refuses more than a few hundred at once.
 */
const limit = Math.max(1, (Number(process.env.UV_THREADPOOL_SIZE) || 4) - 1)

let running = 0
const waiting: (() => void)[] = []

/** Starts `work` as soon as a thread is free. */
export async function onThread<Result>(work: () => Promise<Result>): Promise<Result> {
  if (running === limit) await new Promise<void>((start) => waiting.push(start))
  else running++
  try {
    return await work()
  } finally {
    // The thread goes from one to the next, so that nobody takes it in between.
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
}
