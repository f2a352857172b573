#include "cost/device_pair.h"

#include <algorithm>
#include <chrono>
#include <vector>

namespace sae_match {
namespace {

constexpr double kTileBytes = 256 << 20;  // of the bounds that the device has where it does not keep all
constexpr std::int32_t kTensorCores = 1;

// Stored numbers, of all stored rows where they have an identity, scales, operands of f16, and two numbers a row.
double bytes_of(const StoredRows& rows) {
  const auto count = static_cast<double>(rows.count());
  double bytes = count * (2.0 * static_cast<double>(rows.width()) + 2 * sizeof(double));
  for (const StoredRows::Block& block : rows.stored_blocks()) {
    const double stored = block.identity != 0 ? static_cast<double>(block.rows) : count;
    bytes += stored * static_cast<double>(block.columns * block.element_bytes) + count * sizeof(double);
  }
  return bytes;
}

// About what a pair takes of a device's memory, and what it takes without the matrix where it may do without.
DeviceNeed need_of(const StoredRows& a, const StoredRows& b, const DeviceAsk& ask) {
  const double entries = static_cast<double>(a.count()) * static_cast<double>(b.count());
  const double matrix = entries * sizeof(float);
  const double lists = std::min(entries, static_cast<double>(kListEntries)) * (sizeof(std::int32_t) + sizeof(double));
  const double fixed = bytes_of(a) + bytes_of(b) + lists;
  const auto need = [&](double bounds) { return static_cast<std::uint64_t>(fixed + bounds); };
  const std::uint64_t tiled = need(std::min(matrix, kTileBytes));
  if (ask.kind ? *ask.kind == Source::dense : matrix <= static_cast<double>(ask.memory_budget)) {
    return {need(matrix), ask.kind ? need(matrix) : tiled};
  }
  return {tiled, tiled};
}

DeviceLease wait_for_lease(const DeviceLibrary& library, const DeviceNeed& need, RunControl& control) {
  const auto start = std::chrono::steady_clock::now();
  DeviceLease lease = library.schedule().take(need, control);
  control.waited += std::chrono::steady_clock::now() - start;
  return lease;
}

std::vector<sae_match_device_block> blocks_of(const StoredRows& rows) {
  std::vector<sae_match_device_block> blocks;
  for (const StoredRows::Block& block : rows.stored_blocks()) {
    blocks.push_back({block.data, static_cast<std::int32_t>(block.dtype), block.columns, block.row_bytes, block.scale,
                      block.identity, block.rows});
  }
  return blocks;
}

}  // namespace

DevicePair::DevicePair(const DeviceLibrary& library, const StoredRows& a, const StoredRows& b, const DeviceAsk& ask,
                       RunControl& control)
    : table_(library.table()),
      lease_(wait_for_lease(library, need_of(a, b, ask), control)),
      pair_(nullptr, Close{&table_}) {
  const std::vector<sae_match_device_block> a_blocks = blocks_of(a), b_blocks = blocks_of(b);
  sae_match_device_problem problem{};
  problem.a = {a_blocks.data(), a.blocks(), a.count(), a.index()};
  problem.b = {b_blocks.data(), b.blocks(), b.count(), b.index()};
  problem.device = lease_.device();
  problem.either_sign = ask.sign == Sign::either;
  problem.maximize = ask.maximize;
  problem.dense = !lease_.whole() ? 0 : !ask.kind ? -1 : *ask.kind == Source::dense ? 1 : 0;
  problem.dense_bytes = static_cast<std::uint64_t>(ask.memory_budget);
  problem.product = kTensorCores;
  sae_match_device_pair* pair = nullptr;
  sae_match_device_message message;
  check_device(table_.open(&problem, &pair, &message), message);
  pair_.reset(pair);
}

}  // namespace sae_match
