// Makes the files of one problem: node make-problem.mjs FAMILY N SEED DIMENSION
import { problemFiles } from './problem-files.mjs'

const [family, n, seed, dimension] = process.argv.slice(2)
console.log(JSON.stringify(await problemFiles(family, Number(n), Number(seed), Number(dimension))))
