import { language } from './index.ts'

const locale = (): string => (language.value === 'zh' ? 'zh-Hans' : 'en')

/** At most so many digits after the point. */
export function decimal(value: number, digits = 2): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value)
}

/** A measured number in four significant digits, very small and very large ones as a power of ten. */
export function measured(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size !== 0 && (size < 0.0001 || size >= 1e9)) return value.toExponential(2).replace(/\.?0+e/, 'e')
  if (Number.isInteger(value)) return decimal(value, 0)
  return new Intl.NumberFormat(locale(), { maximumSignificantDigits: 4 }).format(value)
}

export function percent(part: number, digits = 0): string {
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: digits }).format(part)
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** Bytes in powers of a thousand. */
export function bytes(value: number): string {
  let size = value
  let unit = 0
  while (size >= 1000 && unit < byteUnits.length - 1) {
    size /= 1000
    unit++
  }
  return `${decimal(size, size < 10 && unit > 0 ? 1 : 0)} ${byteUnits[unit]}`
}

/** A count such as 1.3M. */
export function compact(value: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(value)
}

const timeUnits = {
  en: { millisecond: 'ms', second: 's', minute: 'min', hour: 'h', day: 'd' },
  zh: { millisecond: '毫秒', second: '秒', minute: '分', hour: '小时', day: '天' },
} as const

function inUnit(value: number, unit: keyof typeof timeUnits.en, digits: number): string {
  return `${decimal(value, digits)} ${timeUnits[language.value][unit]}`
}

/** A time in the unit a person would say it in. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 1) return inUnit(milliseconds, 'millisecond', milliseconds < 10 ? 1 : 0)
  if (seconds < 60) return inUnit(seconds, 'second', seconds < 10 ? 1 : 0)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${inUnit(minutes, 'minute', 0)} ${inUnit(Math.floor(seconds % 60), 'second', 0)}`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${inUnit(hours, 'hour', 0)} ${inUnit(minutes % 60, 'minute', 0)}`
  return `${inUnit(Math.floor(hours / 24), 'day', 0)} ${inUnit(hours % 24, 'hour', 0)}`
}

/** Day and time, without the year while it is this one. */
export function moment(time: string | number): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return String(time)
  const thisYear = date.getFullYear() === new Date().getFullYear()
  return new Intl.DateTimeFormat(locale(), {
    ...(thisYear ? {} : { year: 'numeric' }),
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  }).format(date)
}
