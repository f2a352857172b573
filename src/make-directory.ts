import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A folder and its parents. The `recursive` option of Node's `mkdir` never ends where no folder can be made (/proc). */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdirUnlessThere(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error
    await makeDirectory(dirname(path))
    await mkdirUnlessThere(path)
  }
}

/** Somebody else may make it at the same moment. */
async function mkdirUnlessThere(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(path)).isDirectory()
    if (!isThere) throw error
  }
}
