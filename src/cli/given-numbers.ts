import { SaeMatchError } from '../errors.js'
import { readHeader } from '../formats/detect.js'
import { readNpy } from '../formats/npy.js'
import { deadFeatures, maximumScale, readFeatureStatistics } from '../labels/feature-statistics.js'
import type { MatchOptions } from '../matching/options.js'
import { isFloat, toFloat64 } from '../tensor/tensor.js'
import { type Arguments, type OptionSpecs, UsageError } from './arguments.js'

/** What a user has computed elsewhere for the two SAEs of a match. */
export const givenNumberOptions: OptionSpecs = {
  scales: {
    value: 'A,B',
    help: 'in the place of --scale: .npy of a number for each feature, 0 leaves it out; or exports of Neuronpedia (features/): its largest activation',
  },
  dead: {
    value: 'A,B',
    help: 'leaves out features that never fire, by sparsity.safetensors of SAELens or exports of Neuronpedia (features/); - for none',
  },
  align: {
    value: 'R.npy',
    help: '[d, d]: hidden states x of A, as rows, are x R in the space of B; features of A are moved there first',
  },
}

/** @throws UsageError; `FILE_NOT_FOUND`, `FORMAT_INVALID`, `TENSOR_SHAPE`, `TENSOR_DTYPE` */
export async function readGivenNumbers(
  args: Arguments,
  saes: readonly [string, string],
  signal: AbortSignal,
): Promise<Pick<MatchOptions, 'scale' | 'alignment' | 'dead'>> {
  const [scales, dead, align] = [readTwo(args, 'scales'), readTwo(args, 'dead'), args.text('align')]
  if (scales !== null && args.has('scale')) throw new UsageError('Expected one of --scale and --scales')
  const statistics = async (path: string, side: 0 | 1) => {
    const { features } = await readHeader(saes[side], { format: args.text('format'), signal })
    return readFeatureStatistics(path, features, signal)
  }
  const scaleOf = async (path: string, side: 0 | 1) =>
    path.endsWith('.npy') ? readFloats(path, 1, signal) : maximumScale(await statistics(path, side))
  const deadOf = async (path: string, side: 0 | 1) => (path === '-' ? null : deadFeatures(await statistics(path, side)))
  return {
    ...(scales !== null && { scale: { stat: [await scaleOf(scales[0], 0), await scaleOf(scales[1], 1)] as const } }),
    ...(dead !== null && { dead: [await deadOf(dead[0], 0), await deadOf(dead[1], 1)] as const }),
    ...(align !== undefined && { alignment: await readFloats(align, 2, signal) }),
  }
}

/** What an option names for A and for B, or null without it. @throws UsageError */
function readTwo(args: Arguments, option: string): readonly [string, string] | null {
  const text = args.text(option)
  if (text === undefined) return null
  const [a, b, ...more] = text.split(',').map((path) => path.trim())
  if (!a || !b || more.length > 0) throw new UsageError(`Expected two paths A,B for --${option}, got ${text}`)
  return [a, b]
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
