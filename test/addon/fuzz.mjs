// Calls every function of an addon with damaged arguments: node fuzz.mjs ADDON ROUNDS [SEED]. Each call must return, or throw
// or reject with an error that has a code; everything else, a crash above all, ends the process. Run on an addon that was
// built with the address sanitizer (`ctest --preset asan`) it also finds every access outside of an array.
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const [path, rounds, seed = '1'] = process.argv.slice(2)
const addon = createRequire(import.meta.url)(resolve(path))

// Mulberry32.
let state = Number(seed) >>> 0
function random() {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}
const below = (n) => Math.floor(random() * n)
const pick = (list) => list[below(list.length)]
const numbers = (Type, length) => Type.from({ length }, () => below(9) - 4)

const [n, m, width] = [5, 7, 3]
const matrix = (rows, columns) => [numbers(Float64Array, rows * columns), 3, rows, columns, columns, 1, 0]
const rows = (count) => [
  [numbers(Float32Array, count * width), numbers(Float64Array, count * 2)],
  [null, numbers(Float64Array, count)],
  null,
  Float64Array.of(count, 2, count, width, width, 1, 0, 0, 3, count, 2, 2, 1, 0, 7),
]
const sparse = () => [
  Float64Array.from({ length: n + 1 }, (_, i) => 2 * i),
  Int32Array.from({ length: 2 * n }, (_, e) => (e % 2 === 0 ? e / 2 : m - 1 - (e >> 2))),
  numbers(Float64Array, 2 * n),
  n,
  m,
]
const options = (neighbours) => [
  random() < 0.5,
  Number.POSITIVE_INFINITY,
  below(5) - 1,
  neighbours,
  1,
  null,
  Number.POSITIVE_INFINITY,
]
const solution = (neighbours) => [
  new Int32Array(n),
  new Int32Array(m),
  new Float64Array(n),
  new Float64Array(m),
  new Float64Array(18),
  ...(neighbours
    ? [
        new Int32Array(n),
        new Float64Array(n),
        new Int32Array(m),
        new Float64Array(m),
        new Float64Array(n),
        new Int32Array(n),
        new Int32Array(m),
      ]
    : []),
]
const solve = (costs) => {
  const neighbours = random() < 0.5
  return [...costs, ...options(neighbours), ...solution(neighbours)]
}
const rowCosts = () => [...rows(n), ...rows(m), below(3) - 1, 1e6, below(2), '']
const report = () => (random() < 0.5 ? null : () => {})

/** Arguments that each function takes. */
const calls = {
  setSimd: () => ['portable'],
  setThreadCount: () => [2],
  describeDevices: () => ['/nowhere/library.so'],
  testDevices: () => ['/nowhere/library.so'],
  squaredRowNorms: () => [...matrix(n, m), new Float64Array(n)],
  rowDots: () => [...matrix(n, m), numbers(Float64Array, m), new Float64Array(n)],
  squaredBlockNorms: () => [...rows(n), new Float64Array(2 * n)],
  pairCosts: () => [...rows(n), ...rows(m), 2, Int32Array.of(0, n - 1), Int32Array.of(m - 1, 0), new Float64Array(4)],
  costMatrix: () => [report(), ...rows(n), ...rows(m), new Float32Array(n * m)],
  nearestRows: () => [report(), ...rows(n), ...rows(m), 2, 0, '', new Int32Array(2 * n), new Float64Array(2 * n)],
  solveMatrix: () => [report(), ...solve(matrix(n, m))],
  solveSparse: () => [report(), ...solve(sparse())],
  solveRows: () => [report(), ...solve(rowCosts())],
  solveMatrixSync: () => solve(matrix(n, m)),
  solveSparseSync: () => solve(sparse()),
  solveRowsSync: () => solve(rowCosts()),
  cancel: () => [null],
}

const hostile = [
  () => undefined,
  () => null,
  () => true,
  () => 'text',
  () => Symbol('symbol'),
  () => 10n,
  () => ({}),
  () => [],
  () => () => 1,
  () => new Proxy([], { get: () => Number.NaN }),
  () => new DataView(new ArrayBuffer(64)),
  () => new ArrayBuffer(64),
  () => new Float64Array(new SharedArrayBuffer(64)),
  () => new Uint8Array(64),
  () => detached(new Float64Array(8)),
]
// No count just below 2^31: with a stride of 0 it is a good one, of more memory than the sanitizer forgives.
const hostileNumbers = [0, -1, 1, 2, 3.5, 6, 64, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e308]
hostileNumbers.push(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324)

function detached(array) {
  structuredClone(array, { transfer: [array.buffer] })
  return array
}

/** The same kind of thing, damaged. */
function damaged(value) {
  if (random() < 0.25) return pick(hostile)()
  if (typeof value === 'number') return pick(hostileNumbers)
  if (Array.isArray(value)) {
    const copy = value.slice(0, random() < 0.2 ? below(value.length + 1) : undefined)
    if (copy.length > 0) copy[below(copy.length)] = damaged(pick(value))
    return copy
  }
  if (ArrayBuffer.isView(value)) return damagedArray(value)
  return pick(hostile)()
}

function damagedArray(array) {
  const Type = array.constructor
  const kind = below(6)
  if (kind === 0) return array.slice(0, below(array.length + 1))
  if (kind === 1) return array.subarray(below(array.length + 1))
  if (kind === 2) return detached(array.slice())
  if (kind === 3) return pick([Int32Array, Float32Array, Float64Array, Uint16Array]).from(array)
  // one step aside in a larger buffer, so that what lies before and behind is somebody else's
  if (kind === 4)
    return new Type(array.buffer.byteLength < 16 ? array.buffer : array.slice().buffer, Type.BYTES_PER_ELEMENT)
  const copy = array.slice()
  for (let times = below(3); times >= 0 && copy.length > 0; times--) copy[below(copy.length)] = pick(hostileNumbers)
  return copy
}

const outcomes = new Map()
function count(outcome) {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
}

function refuse(name, error) {
  const code = error?.code
  if (typeof code !== 'string' || code === 'INTERNAL') {
    console.error(`${name}: no proper error:`, error)
    process.exit(1)
  }
  count(code)
}

for (let round = 0; round < Number(rounds); round++) {
  const name = pick(Object.keys(calls))
  const args = calls[name]()
  // none damaged now and then: the arguments above must be good ones
  const places = new Set(Array.from({ length: below(4) }, () => below(args.length)))
  for (const place of places) args[place] = damaged(args[place])
  if (random() < 0.05) args.splice(below(args.length), 1)
  try {
    const result = addon[name](...args)
    if (result?.promise) {
      if (random() < 0.2) addon.cancel(result.job)
      await result.promise.then(
        () => count('done'),
        (error) => refuse(name, error),
      )
    } else count('done')
  } catch (error) {
    refuse(name, error)
  }
}
addon.setSimd(addon.supportedSimd()[0])
console.log(JSON.stringify(Object.fromEntries([...outcomes].sort())))
