// What this machine can build native code with.
import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'

/** The path of a program, or null. */
export function findProgram(name) {
  if (path.isAbsolute(name)) return isProgram(name) ? name : null
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, name)
    if (folder !== '' && isProgram(file)) return file
  }
  return null
}

/** Why the addon cannot be built here, or null. */
export function missingTool() {
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean)
  if (!compilers.some((name) => findProgram(name))) return 'no C++ compiler'
  if (!findProgram('cmake')) return 'no CMake'
  if (!findProgram('ninja') && !findProgram('make')) return 'neither ninja nor make'
  return null
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
