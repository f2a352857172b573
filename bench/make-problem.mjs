// Makes the files of one problem: node make-problem.mjs FAMILY N SEED DIMENSION CALLS DTYPE MATRIX
import { problemFiles } from './problem-files.mjs'

const [family, n, seed, dimension, calls, dtype, matrix] = process.argv.slice(2)
const files = await problemFiles(
  family,
  ...[n, seed, dimension, calls].map(Number),
  dtype === '' ? null : dtype,
  matrix === 'true',
)
console.log(JSON.stringify(files))
process.exit(0)
