import { SaeMatchError } from '../errors.js'
import { readNpy } from '../formats/npy.js'
import type { MatchOptions } from '../matching/options.js'
import { isFloat, toFloat64 } from '../tensor/tensor.js'
import { type Arguments, type OptionSpecs, UsageError } from './arguments.js'

/** What a user has computed elsewhere for the two SAEs of a match. */
export const givenNumberOptions: OptionSpecs = {
  scales: {
    value: 'A.npy,B.npy',
    help: 'in the place of --scale: a number for each feature of A and of B, e.g. its largest activation; 0 leaves it out',
  },
  align: {
    value: 'R.npy',
    help: '[d, d]: hidden states x of A, as rows, are x R in the space of B; features of A are moved there first',
  },
}

/** @throws UsageError; `FILE_NOT_FOUND`, `FORMAT_INVALID`, `TENSOR_SHAPE`, `TENSOR_DTYPE` */
export async function readGivenNumbers(
  args: Arguments,
  signal: AbortSignal,
): Promise<Pick<MatchOptions, 'scale' | 'alignment'>> {
  const [scales, align] = [args.text('scales'), args.text('align')]
  if (scales !== undefined && args.has('scale')) throw new UsageError('Expected one of --scale and --scales')
  const [a, b, ...more] = (scales ?? '').split(',').map((path) => path.trim())
  if (scales !== undefined && (!a || !b || more.length > 0))
    throw new UsageError(`Expected two files A.npy,B.npy for --scales, got ${scales}`)
  return {
    ...(scales !== undefined && {
      scale: { stat: [await readFloats(a, 1, signal), await readFloats(b, 1, signal)] as const },
    }),
    ...(align !== undefined && { alignment: await readFloats(align, 2, signal) }),
  }
}

async function readFloats(path: string, rank: 1 | 2, signal: AbortSignal): Promise<Float64Array> {
  const tensor = await readNpy(path, signal)
  const { shape, dtype } = tensor
  if (shape.length !== rank || (rank === 2 && shape[0] !== shape[1])) {
    const expected = rank === 1 ? '[features]' : '[d, d]'
    throw new SaeMatchError('TENSOR_SHAPE', `${path}: expected shape ${expected}, found [${shape.join(', ')}]`)
  }
  if (!isFloat(dtype)) throw new SaeMatchError('TENSOR_DTYPE', `${path}: expected floats, found ${dtype}`)
  return toFloat64(tensor)
}
