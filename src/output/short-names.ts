import { cachedReference } from '../hub/cache.js'

/** Files whose name says nothing about which SAE they hold: the folder's name does. */
const wordless = /^(params|sae|sae_weights|final|ae|model)\.(npz|safetensors|pt|pth)$/i

/**
 * Short names for checkpoints, safe as parts of file names on every system: of the ends of their paths, long enough to
 * tell them apart and to name the layer, the parts in which they differ. `g/layer_19/width_16k/average_l0_73` and
 * `g/layer_20/width_16k/average_l0_71` become `layer_19-average_l0_73` and `layer_20-average_l0_71`.
 */
export function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) =>
    placeOf(path)
      .split(/[/\\]+/)
      .filter((part) => part !== '' && part !== '.'),
  )
  const reversed = parts.map((own) =>
    (own.length > 1 && wordless.test(own[own.length - 1]) ? own.slice(0, -1) : own).reverse(),
  )
  const ends = (depth: number) => new Set(reversed.map((own) => own.slice(0, depth).join('/'))).size
  const layers = reversed.map((own) => own.slice(0, 4).findIndex((part) => /layer|blocks/i.test(part)))
  let depth = Math.max(1, ...layers.map((place) => place + 1))
  const deepest = Math.max(...reversed.map((own) => own.length))
  while (depth < deepest && ends(depth) < ends(deepest)) depth++
  return reversed.map((own) => {
    const differing = own.slice(0, depth).filter((part, place) => reversed.some((other) => other[place] !== part))
    return safeName((differing.length > 0 ? differing.reverse() : own.slice(0, 1)).join('-'))
  })
}

/** In the cache of the hub, folders above a repository and its commit say nothing that people know. */
function placeOf(path: string): string {
  const cached = cachedReference(path)
  return cached === null ? path : `${cached.repository}/${cached.path}`
}

/** Letters, digits, `_`, `.` and single `-` only, at most 60, and no leading or trailing punctuation. */
export function safeName(label: string): string {
  const safe = label
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._]+/g, '-')
    .replace(/^[-._]+/, '')
    .slice(0, 60)
    .replace(/[-._]+$/, '')
  return safe === '' ? 'sae' : safe
}
