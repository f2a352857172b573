// A pair of rows of f32 on a device, and calls of the CUDA library about it; what fails is an Error.
#pragma once

#include <cstdint>

#include "device/device_library.h"

namespace sae_match {

class OpenPair {
 public:
  struct Side {
    const float* numbers;  // [count x width]
    std::int64_t count;
  };

  OpenPair(const sae_match_device_table& table, const Side& a, const Side& b, std::int64_t width, bool dense,
           std::int32_t product = 1)
      : table_(table) {
    const auto row_bytes = width * static_cast<std::int64_t>(sizeof(float));
    const sae_match_device_block a_block{a.numbers, 2, width, row_bytes, nullptr, 0, a.count};
    const sae_match_device_block b_block{b.numbers, 2, width, row_bytes, nullptr, 0, b.count};
    sae_match_device_problem problem{};
    problem.a = {&a_block, 1, a.count, nullptr};
    problem.b = {&b_block, 1, b.count, nullptr};
    problem.dense = dense;
    problem.product = product;
    sae_match_device_message message;
    check_device(table.open(&problem, &pair_, &message), message);
  }
  ~OpenPair() { table_.close(pair_); }
  OpenPair(const OpenPair&) = delete;
  OpenPair& operator=(const OpenPair&) = delete;

  template <class Function, class... A>
  void call(Function sae_match_device_table::* function, A... arguments) const {
    sae_match_device_message message;
    check_device((table_.*function)(pair_, arguments..., &message), message);
  }

 private:
  const sae_match_device_table& table_;
  sae_match_device_pair* pair_ = nullptr;
};

}  // namespace sae_match
