/**
 * The opcodes of a pickle of plain data, by what they do.
 * Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py.
 */
export const opcode = {
  mark: 0x28, // (
  emptyTuple: 0x29, // )
  stop: 0x2e, // .
  pop: 0x30, // 0
  popMark: 0x31, // 1
  duplicate: 0x32, // 2
  float: 0x47, // G
  int32: 0x4a, // J
  uint8: 0x4b, // K
  uint16: 0x4d, // M
  none: 0x4e, // N
  persistentId: 0x51, // Q
  call: 0x52, // R
  text32: 0x58, // X
  emptyList: 0x5d, // ]
  append: 0x61, // a
  setState: 0x62, // b
  global: 0x63, // c
  appendAll: 0x65, // e
  get8: 0x68, // h
  get32: 0x6a, // j
  list: 0x6c, // l
  put8: 0x71, // q
  put32: 0x72, // r
  setItem: 0x73, // s
  tuple: 0x74, // t
  setItems: 0x75, // u
  emptyDictionary: 0x7d, // }
  protocol: 0x80,
  tuple1: 0x85,
  tuple2: 0x86,
  tuple3: 0x87,
  true: 0x88,
  false: 0x89,
  integer8: 0x8a,
  integer32: 0x8b,
  text8: 0x8c,
  text64: 0x8d,
  stackGlobal: 0x93,
  memoize: 0x94,
  frame: 0x95,
} as const
