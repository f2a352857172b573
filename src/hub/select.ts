import { SaeMatchError, wrongValue } from '../errors.js'
import { groupBy, type HubCheckpoint } from './checkpoints.js'

/** Which SAEs of a repository are meant. */
export interface SaeSelection {
  /** The number of features, as names spell it (`16k`) or as a number; `all` for every one. */
  readonly width?: string | number | undefined
  /**
   * Which of the SAEs that differ in their mean number of active features: `canonical` (default), the one that SAELens and
   * Neuronpedia show; `closest:70`, the nearest in ratio; a number or word as names spell it; `all` for every one.
   */
  readonly l0?: string | number | undefined
  /** Only these layers. */
  readonly layers?: readonly number[] | undefined
}

/**
 * The SAEs that are meant, one for each layer and place, by layer.
 *
 * @param place for messages
 * @throws SaeMatchError `SAE_AMBIGUOUS` where widths or L0s are left to choose from, `FORMAT_UNKNOWN` where nothing is
 *   left; RangeError `INVALID_ARGUMENT`
 */
export function selectCheckpoints(
  all: readonly HubCheckpoint[],
  { width, l0 = 'canonical', layers }: SaeSelection,
  place: string,
): HubCheckpoint[] {
  if (all.length === 0) throw nothing(place, 'a sparse autoencoder', 'none')
  const inLayers = all.filter(({ layer }) => (layers === undefined ? true : layer !== null && layers.includes(layer)))
  if (inLayers.length === 0) throw nothing(place, `layers ${layers?.join(', ')}`, listed(all.map(({ layer }) => layer)))
  const tag = width === undefined || width === 'all' ? null : widthTag(width)
  const ofWidth = inLayers.filter((checkpoint) => tag === null || checkpoint.width === tag)
  if (ofWidth.length === 0) throw nothing(place, `width ${tag}`, listed(inLayers.map((checkpoint) => checkpoint.width)))
  const ofL0 = [...groupBy(ofWidth, withoutL0).values()].flatMap((group) => chooseL0(group, String(l0), place))
  // an embedding among layers is none of them
  const chosen = ofL0.some(({ layer }) => layer !== null) ? ofL0.filter(({ layer }) => layer !== null) : ofL0
  if (width === undefined) requireOneWidth(chosen, place)
  return chosen.sort((a, b) => (a.layer ?? 0) - (b.layer ?? 0) || (a.path < b.path ? -1 : 1))
}

/** `16384` is called `16k`, `1048576` is called `1m`. @throws RangeError `INVALID_ARGUMENT` */
export function widthTag(width: string | number): string {
  const text = String(width).toLowerCase()
  if (/^\d+[km]$/.test(text)) return text
  const count = Number(text)
  if (!(Number.isSafeInteger(count) && count > 0))
    throw wrongValue('width', 'a number of features such as 16k or 16384', width)
  return count >= 2 ** 20 ? `${Math.floor(count / 2 ** 20)}m` : `${Math.floor(count / 1000)}k`
}

/** SAEs that differ in nothing but L0 are one group. */
function withoutL0({ path, l0 }: HubCheckpoint): string {
  return l0 === null ? path : path.replaceAll(/(^|[/_])(average_l0_\d+|canonical|l0_([a-z]+|\d+))(?=[/_]|$)/g, '$1*')
}

function chooseL0(group: readonly HubCheckpoint[], wanted: string, place: string): readonly HubCheckpoint[] {
  if (wanted === 'all') return group
  const named = group.filter(({ l0 }) => l0 === wanted)
  if (named.length > 0) return named
  const [, target] = /^closest:(\d+(?:\.\d+)?)$/.exec(wanted) ?? []
  const isNumber = /^\d+$/
  if (wanted !== 'canonical' && target === undefined && !/^([a-z]+|\d+)$/.test(wanted)) {
    throw wrongValue('l0', 'canonical, closest:N, all, a number or a word of names such as small', wanted)
  }
  if (group.length === 1 && (wanted === 'canonical' || group[0].l0 === null)) return group
  const numbered = group.filter(({ l0 }) => isNumber.test(l0 ?? ''))
  if (numbered.length === 0 || (wanted !== 'canonical' && target === undefined)) {
    throw new SaeMatchError(
      'SAE_AMBIGUOUS',
      `${place}: expected one of L0 ${wanted} at ${group[0].path}, found ${listed(group.map(({ l0 }) => l0))}`,
      { hint: 'Choose with --l0 (option `l0`).' },
    )
  }
  const distance = ({ l0 }: HubCheckpoint) =>
    target === undefined ? Math.abs(Number(l0) - canonicalL0) : Math.abs(Math.log(Number(l0) / Number(target)))
  // of two as near the larger is canonical
  return [numbered.toSorted((a, b) => distance(a) - distance(b) || Number(b.l0) - Number(a.l0))[0]]
}

/**
 * The canonical SAE of a layer is the one whose average L0 is nearest to 100. That is how all 429 SAEs of the canonical
 * releases of Gemma Scope in SAELens' registry were chosen.
 */
const canonicalL0 = 100

function requireOneWidth(chosen: readonly HubCheckpoint[], place: string): void {
  const without = ({ path, width }: HubCheckpoint) =>
    path.replaceAll(`width_${width}`, '*').replaceAll(/l0_[a-z\d]+/g, '*')
  for (const group of groupBy(chosen, without).values()) {
    const widths = listed(group.map(({ width }) => width))
    if (new Set(group.map(({ width }) => width)).size < 2) continue
    throw new SaeMatchError('SAE_AMBIGUOUS', `${place}: expected SAEs of one width, found ${widths}`, {
      hint: `Choose with --width ${group[0].width} (option \`width\`), or take all of them with all.`,
    })
  }
}

function listed(values: readonly (string | number | null)[]): string {
  return [...new Set(values.map((value) => value ?? 'unknown'))].join(', ')
}

function nothing(place: string, expected: string, found: string): SaeMatchError {
  return new SaeMatchError('FORMAT_UNKNOWN', `${place}: expected ${expected}, found ${found}`)
}
