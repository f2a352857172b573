// Feature rows that own their numbers, in every stored type and orientation.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "core/half.h"
#include "sae_match/matrix_view.h"

namespace sae_match {

inline std::uint16_t to_bf16(float x) {
  std::uint32_t word;
  std::memcpy(&word, &x, sizeof word);
  return static_cast<std::uint16_t>(word >> 16);
}

// For zero and for values that half precision holds as normal numbers.
inline std::uint16_t to_f16(float x) {
  std::uint32_t word;
  std::memcpy(&word, &x, sizeof word);
  const std::uint32_t sign = (word >> 16) & 0x8000u;
  if (x == 0) return static_cast<std::uint16_t>(sign);
  const std::uint32_t exponent = ((word >> 23) & 0xffu) - (127 - 15);
  return static_cast<std::uint16_t>(sign | (exponent << 10) | ((word >> 13) & 0x3ffu));
}

struct OwnedMatrix {
  std::vector<double> f64;
  std::vector<float> f32;
  std::vector<std::uint16_t> half;
  MatrixView view;
};

// A matrix of the given type; `column_major` stores it transposed.
inline OwnedMatrix make_matrix(std::int64_t rows, std::int64_t columns, Dtype dtype, bool column_major,
                               const std::function<double(std::int64_t, std::int64_t)>& value) {
  OwnedMatrix made;
  made.view = {nullptr, dtype, rows, columns, column_major ? 1 : columns, column_major ? rows : 1};
  const auto fill = [&](auto& data, auto convert) {
    data.resize(static_cast<std::size_t>(rows * columns));
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t k = 0; k < columns; ++k) {
        data[i * made.view.row_stride + k * made.view.column_stride] = convert(value(i, k));
      }
    }
    made.view.data = data.data();
  };
  switch (dtype) {
    case Dtype::f64:
      fill(made.f64, [](double x) { return x; });
      break;
    case Dtype::f32:
      fill(made.f32, [](double x) { return static_cast<float>(x); });
      break;
    case Dtype::bf16:
      fill(made.half, [](double x) { return to_bf16(static_cast<float>(x)); });
      break;
    case Dtype::f16:
      fill(made.half, [](double x) { return to_f16(static_cast<float>(x)); });
  }
  return made;
}

// The eight-lane sum that defines every exact value.
inline double lane_sum(const std::vector<double>& terms) {
  double lane[8] = {};
  for (std::size_t k = 0; k < terms.size(); ++k) lane[k % 8] += terms[k];
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

}  // namespace sae_match
