// Instructions of tensor cores, and of copies that run beside them. Tests have a file of the same name that does the
// same on the CPU (native/test/cuda_on_cpu/cuda).
#pragma once

#include "cuda/runtime.h"

namespace sae_match::cuda {

__device__ inline void* dynamic_shared_memory() {
  extern __shared__ __align__(128) unsigned char memory[];
  return memory;
}

__device__ inline unsigned shared_address(const void* memory) {
  return static_cast<unsigned>(__cvta_generic_to_shared(memory));
}

// Begins to copy 16 bytes to shared memory.
__device__ inline void copy_16_bytes(void* to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(shared_address(to)), "l"(from) : "memory");
}
// What this thread began since the last call is a group.
__device__ inline void end_group_of_copies() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }
// Waits until all groups of this thread but the last `pending` are there.
template <int pending>
__device__ inline void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(pending) : "memory");
}

// Four matrices of 8 x 8 numbers of f16. Lane l gives the address of row l % 8 of matrix l / 8, and gets of every matrix
// the numbers 2 (l % 4) and 2 (l % 4) + 1 of row l / 4.
__device__ inline void load_matrices(unsigned (&to)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(shared_address(row))
               : "memory");
}

// sum[16 x 8] += a[16 x 16] * b[16 x 8]. `a` is four such matrices, rows 0 to 7 before rows 8 to 15 and then the other
// half of k; `b` two, transposed; of the sum lane l has columns 2 (l % 4) and the next of rows l / 4 and l / 4 + 8.
__device__ inline void multiply_add(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
               "{%0, %1, %2, %3};\n"
               : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

}  // namespace sae_match::cuda
