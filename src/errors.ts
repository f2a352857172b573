/** Every code an error of this package can carry; each is a heading of docs/troubleshooting.md. */
export type ErrorCode =
  // the caller's arguments
  | 'INVALID_ARGUMENT'
  | 'UNKNOWN_OPTION'
  | 'INPUT_DETACHED'
  // the problem
  | 'COST_NAN'
  | 'COST_RANGE'
  | 'COST_DUPLICATE'
  | 'INFEASIBLE'
  | 'SOLVER_UNAVAILABLE'
  | 'OUT_OF_MEMORY'
  | 'CANCELLED'
  // checkpoints
  | 'FILE_NOT_FOUND'
  | 'FILE_TRUNCATED'
  | 'FORMAT_UNKNOWN'
  | 'FORMAT_INVALID'
  | 'TENSOR_MISSING'
  | 'TENSOR_SHAPE'
  | 'TENSOR_DTYPE'
  | 'TENSOR_NOT_FINITE'
  | 'ARCHITECTURE_UNKNOWN'
  | 'NOT_COMPARABLE'
  | 'THRESHOLD_MISSING'
  // the hub
  | 'HUB_NOT_FOUND'
  | 'HUB_ACCESS'
  | 'HUB_UNAVAILABLE'
  | 'HUB_INVALID'
  | 'HUB_CHECKSUM'
  | 'SAE_AMBIGUOUS'
  // run directories
  | 'INPUT_CHANGED'
  | 'INPUT_UNKNOWN'
  | 'PAIR_MISSING'
  | 'PAIR_AMBIGUOUS'
  // output
  | 'OUTPUT_FAILED'
  // backends
  | 'ADDON_NOT_FOUND'
  | 'DLOPEN_FAILED'
  | 'GLIBC_TOO_OLD'
  | 'ABI_MISMATCH'
  | 'BACKEND_UNAVAILABLE'
  | 'BACKEND_LIB_NOT_FOUND'
  | 'NO_DRIVER'
  | 'DRIVER_TOO_OLD'
  | 'NO_DEVICE'
  | 'ARCH_UNSUPPORTED'
  | 'SELF_TEST_FAILED'
  | 'DEVICE_LOST'
  | 'DEVICE_FAILED'
  | 'DISABLED_BY_ENV'
  | 'INVALID_ENVIRONMENT'
  | 'SIMD_UNSUPPORTED'
  | 'INTERNAL'

/** Anything that is not simply a wrong argument: bad files, impossible problems, missing backends, failed output. */
export class SaeMatchError extends Error {
  override readonly name = 'SaeMatchError'
  readonly code: ErrorCode
  /** What to do about it, when that is known. */
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}

/** A `TypeError` (wrong kind of value) of the form "Expected X for `name`, got Y". */
export function wrongType(name: string, expected: string, got: unknown): TypeError & { code: ErrorCode } {
  return Object.assign(new TypeError(`Expected ${expected} for \`${name}\`, got ${describe(got)}`), {
    code: 'INVALID_ARGUMENT' as const,
  })
}

/** A `RangeError` (right kind, wrong value) of the form "Expected X for `name`, got Y". */
export function wrongValue(name: string, expected: string, got: unknown): RangeError & { code: ErrorCode } {
  return Object.assign(new RangeError(`Expected ${expected} for \`${name}\`, got ${describe(got)}`), {
    code: 'INVALID_ARGUMENT' as const,
  })
}

/** A short text for any value, for use in messages. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (ArrayBuffer.isView(value)) {
    const length = (value as { length?: number }).length
    return `${value.constructor.name}${length === undefined ? '' : ` of length ${length}`}`
  }
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'bigint':
      return `${value}n`
    case 'object':
      return Array.isArray(value) ? `an array of length ${value.length}` : `an object (${value?.constructor?.name})`
    default:
      return `a ${typeof value}`
  }
}
