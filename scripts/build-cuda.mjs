// Builds the CUDA library and puts it beside the addon, where that looks for it.
// usage: node scripts/build-cuda.mjs [ARCHITECTURES]   such as 90-real, or native for the GPU of this machine
//        (default: Ampere, Ada, Hopper and Blackwell, and PTX for what comes after them)
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, renameSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const architectures = process.argv[2]
const buildTree = path.join(root, 'build-cmake', architectures === undefined ? 'cuda' : `cuda-${architectures}`)
const library = 'libsae_match_cuda.so'

cmake(
  ...['-S', root, '-B', buildTree, '-DCMAKE_BUILD_TYPE=Release', '-DSAE_MATCH_CUDA=ON', '-DSAE_MATCH_BUILD_ADDON=OFF'],
  ...(architectures === undefined ? [] : [`-DCMAKE_CUDA_ARCHITECTURES=${architectures}`]),
)
cmake('--build', buildTree, '--target', 'sae_match_cuda', '--parallel', String(os.availableParallelism()))

// A process that has the old file open must keep it: replaced, not overwritten.
const target = path.join(root, 'build', 'Release')
mkdirSync(target, { recursive: true })
const temporary = path.join(target, `${library}.${process.pid}`)
copyFileSync(path.join(buildTree, library), temporary)
renameSync(temporary, path.join(target, library))
console.log(path.relative(process.cwd(), path.join(target, library)))

function cmake(...args) {
  const { status, error } = spawnSync('cmake', args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return
  if (error) console.error(`cmake: ${error.message}`)
  process.exit(1)
}
