const steps = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A number of bytes for people: "269 MB". */
export function formatBytes(bytes: number): string {
  let step = 0
  let value = bytes
  while (value >= 999.5 && step < steps.length - 1) {
    value /= 1000
    step += 1
  }
  return `${step === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(value < 10 ? 2 : 3)} ${steps[step]}`
}

/** A number of parameters for people: "135 M". */
export function formatCount(count: number): string {
  const [value, unit] = count >= 1e9 ? [count / 1e9, ' B'] : count >= 1e6 ? [count / 1e6, ' M'] : [count / 1e3, ' k']
  return count < 1000 ? String(count) : `${value >= 99.5 ? Math.round(value) : value.toPrecision(3)}${unit}`
}

/** How far a transfer is, for a line of progress: "model.safetensors: 12 MB of 269 MB (4 %)". */
export function formatTransfer(what: string, done: number, total: number): string {
  const share = total > 0 ? Math.floor((100 * done) / total) : 100
  return `${what}: ${formatBytes(done)} of ${formatBytes(total)} (${share} %)`
}

/** A time in milliseconds for people: "3 min", "1.5 h". */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 99.5) return `${seconds.toFixed(0)} s`
  if (seconds < 5970) return `${(seconds / 60).toFixed(0)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}
