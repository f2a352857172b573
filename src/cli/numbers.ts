/** Four significant digits, thousands separated: `1,234`, `12.35`, `0.001234`, `1.234e-9`. */
export function significant(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '-' : value > 0 ? 'inf' : '-inf'
  if (value === 0) return '0'
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  if (magnitude < -4 || magnitude >= 9) return value.toExponential(digits - 1)
  return decimals(value, Math.max(digits - 1 - magnitude, 0))
}

/** Numbers of one column, all with as many decimals or all with an exponent, so that they can be compared at a glance. */
export function comparable(values: readonly number[]): string[] {
  const magnitudes = values
    .filter((value) => Number.isFinite(value) && value !== 0)
    .map((value) => Math.log10(Math.abs(value)))
  if (magnitudes.length === 0) return values.map((value) => decimals(value, 0))
  const [least, largest] = [Math.floor(Math.min(...magnitudes, 0)), Math.floor(Math.max(...magnitudes))]
  if (largest < -3 || largest >= 9)
    return values.map((value) => (Number.isFinite(value) ? value.toExponential(2) : '-'))
  return values.map((value) => decimals(value, Math.max(0, Math.min(3 - least, 4 - largest))))
}

/** A fixed number of decimals, thousands separated. */
export function decimals(value: number, count: number): string {
  if (!Number.isFinite(value)) return '-'
  return value.toLocaleString('en-US', { minimumFractionDigits: count, maximumFractionDigits: count })
}

/** `1,024` */
export function whole(value: number): string {
  return decimals(value, 0)
}

/** `48.7 %` */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${decimals(share * 100, 1)} %` : '-'
}

/** `12 ms`, `3.4 s`, `2 min 5 s`, `1 h 3 min` */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `1.2 GB` */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`
}
