/** Files whose name says nothing about which SAE they hold: the folder's name does. */
const wordless = /^(params|sae|sae_weights|final|ae|model)\.(npz|safetensors|pt|pth)$/i

/**
 * Short names for checkpoints, safe as parts of file names on every system: the parts of their paths in which they
 * differ, e.g. `layer_12` and `layer_13`. Not necessarily unique; files that bear them carry a hash too.
 */
export function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => {
    const all = path
      .replace(/^hf:\/\//, '')
      .split(/[/\\]+/)
      .filter((part) => part !== '' && part !== '.')
    return (all.length > 1 && wordless.test(all[all.length - 1]) ? all.slice(0, -1) : all).reverse()
  })
  return parts.map((own) => {
    const differing = own.filter((part, depth) => parts.some((other) => other[depth] !== part)).slice(0, 3)
    return safeName((differing.length > 0 ? differing.reverse() : own.slice(0, 1)).join('-'))
  })
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
