// native/cuda/tensor_core.h on the CPU, with sums as coarse as any tensor core is known to make them: of every four products
// and the sum so far each is cut off below the last digit of the largest, and so is the new sum.
#pragma once

#include <cmath>

#include "cuda/runtime.h"

namespace sae_match::cuda {

inline void* dynamic_shared_memory() { return cuda_on_cpu::shared_memory(); }

inline void copy_16_bytes(void* to, const void* from) { cuda_on_cpu::begin_copy(to, from, 16); }
inline void end_group_of_copies() { cuda_on_cpu::end_group_of_copies(); }
template <int pending>
void wait_for_copies() {
  cuda_on_cpu::wait_for_copies(pending);
}

inline void load_matrices(unsigned (&to)[4], const void* row) {
  const unsigned lane = threadIdx.x % 32;
  const cuda_on_cpu::Slot* slots = cuda_on_cpu::exchange(&row, sizeof row);
  for (unsigned matrix = 0; matrix < 4; ++matrix) {
    const char* numbers;
    std::memcpy(&numbers, slots[8 * matrix + lane / 4].bytes, sizeof numbers);
    std::memcpy(&to[matrix], numbers + 4 * (lane % 4), 4);
  }
}

inline float cut_sum(const float (&terms)[5]) {
  int exponent = -1000;
  for (const float term : terms) {
    if (term != 0) exponent = std::max(exponent, std::ilogb(term));
  }
  const double up = std::ldexp(1.0, 23 - exponent), down = std::ldexp(1.0, exponent - 23);
  double sum = 0;
  for (const float term : terms) sum += std::trunc(term * up) * down;
  const auto nearest = static_cast<float>(sum);
  return std::fabs(double{nearest}) > std::fabs(sum) ? std::nextafter(nearest, 0.0f) : nearest;
}

inline void multiply_add(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  struct Registers {
    __half a[4][2], b[2][2];
  } mine;
  std::memcpy(mine.a, a, sizeof mine.a);
  std::memcpy(mine.b[0], &b0, 4);
  std::memcpy(mine.b[1], &b1, 4);
  const unsigned lane = threadIdx.x % 32;
  const cuda_on_cpu::Slot* slots = cuda_on_cpu::exchange(&mine, sizeof mine);
  const auto of = [&](unsigned other) {
    Registers registers;
    std::memcpy(&registers, slots[other].bytes, sizeof registers);
    return registers;
  };
  float left[2][16], right[2][16];  // rows lane / 4 and the eighth after it; columns 2 (lane % 4) and the next
  for (unsigned quarter = 0; quarter < 4; ++quarter) {
    const Registers row = of(lane / 4 * 4 + quarter);
    for (unsigned e = 0; e < 8; ++e) left[e / 2 % 2][e / 4 * 8 + quarter * 2 + e % 2] = __half2float(row.a[e / 2][e % 2]);
    for (unsigned c = 0; c < 2; ++c) {
      const Registers column = of((2 * (lane % 4) + c) * 4 + quarter);
      for (unsigned e = 0; e < 4; ++e) right[c][e / 2 * 8 + quarter * 2 + e % 2] = __half2float(column.b[e / 2][e % 2]);
    }
  }
  for (unsigned e = 0; e < 4; ++e) {
    for (unsigned k = 0; k < 16; k += 4) {
      const auto term = [&](unsigned t) { return left[e / 2][k + t] * right[e % 2][k + t]; };
      sum[e] = cut_sum({sum[e], term(0), term(1), term(2), term(3)});
    }
  }
}

}  // namespace sae_match::cuda
