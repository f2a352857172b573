import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ElementType } from '../../src/tensor/tensor.js'
import { runPython } from './python.js'

/** An array that numpy wrote, and its numbers widened to f64 in C order. */
export interface NumpyArray {
  readonly name: string
  readonly dtype: ElementType
  readonly shape: readonly number[]
  readonly values: Float64Array
}

const script = `
import json, sys, numpy as np
from safetensors.numpy import save_file
folder = sys.argv[1]
random = np.random.default_rng(1)
names = dict(f2="f16", f4="f32", f8="f64", i1="i8", u1="u8", i2="i16", u2="u16", i4="i32", u4="u32", i8="i64", u8="u64", b1="bool", V2="bf16")
arrays, described = {}, []

def add(name, array, values=None, version=None):
    arrays[name] = array
    with open(f"{folder}/{name}.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version, allow_pickle=False)
    values = np.ascontiguousarray((array if values is None else values).astype("<f8"))
    described.append(dict(name=name, dtype=names[array.dtype.str[1:]], shape=array.shape, values=values.tobytes().hex()))

for dtype in ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", ">i2", ">u4", ">i8", "|b1"]:
    for shape in [(), (1,), (7,), (3, 5), (2, 3, 4), (0,), (4, 0)]:
        array = random.integers(-100, 100, shape).astype(dtype) if dtype[1] in "iub" else (100 * random.standard_normal(shape)).astype(dtype)
        name = f"{dtype[1:]}_{'big' if dtype[0] == '>' else 'little'}_{'x'.join(map(str, shape))}"
        add(name, np.asarray(array))
        if array.ndim > 1:
            add(name + "_fortran", np.asfortranarray(array))

bits = random.integers(0, 65536, (9, 6)).astype("<u2")
add("bf16", bits.view("V2"), (bits.astype("<u4") << 16).view("<f4"))
add("version2", np.arange(6.0).reshape(2, 3), version=(2, 0))
add("version3", np.arange(6.0).reshape(2, 3), version=(3, 0))
np.savez(f"{folder}/stored.npz", **arrays)
np.savez_compressed(f"{folder}/deflated.npz", **arrays)
native = {name: np.array(array, dtype=array.dtype.newbyteorder("="), order="C") for name, array in arrays.items() if name != "bf16"}
save_file(native, f"{folder}/arrays.safetensors", metadata={"made": "here"})
json.dump(described, open(f"{folder}/expected.json", "w"))
`

/** Lets numpy write every kind of array into `folder`: each as .npy, all as stored.npz, deflated.npz, arrays.safetensors. */
export function writeNumpyFiles(folder: string): NumpyArray[] {
  runPython(script, [folder])
  const described = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as (NumpyArray & {
    values: string
  })[]
  return described.map(({ values, ...array }) => ({
    ...array,
    values: new Float64Array(Uint8Array.from(Buffer.from(values, 'hex')).buffer),
  }))
}
