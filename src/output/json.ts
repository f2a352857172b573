/** Indented JSON with a final line feed. Numbers JSON cannot hold (NaN, infinities) become null. */
export function encodeJson(value: unknown): string {
  return `${JSON.stringify(value, plain, 2)}\n`
}

/** JSON on one line with sorted keys: equal values give equal text, so that it can be hashed. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (key, entry: unknown) => {
    const simple = plain(key, entry)
    if (simple === null || typeof simple !== 'object' || Array.isArray(simple)) return simple
    return Object.fromEntries(Object.entries(simple).sort(([x], [y]) => (x < y ? -1 : x > y ? 1 : 0)))
  })
}

function plain(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value
}
