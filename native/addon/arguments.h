// The arguments of one call, read in order. TypeScript has validated them; only what would corrupt memory is checked
// again here. The signatures are those of src/backend/addon-types.ts.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "addon/napi_setup.h"
#include "sae_match/assignment.h"
#include "sae_match/device.h"
#include "sae_match/matrix_view.h"

namespace sae_match {

// A typed array that a job reads or writes: kept alive, and asked at the end whether it still is where it was.
// To be created, asked and destroyed on the JavaScript thread.
class HeldArray {
 public:
  HeldArray(const Napi::Value& array, const void* data, std::size_t length);
  // False once the array's memory was transferred away or resized.
  bool attached() const;

 private:
  Napi::ObjectReference reference_;
  const void* data_;
  std::size_t length_;
};

struct RowPair {
  Rows a, b;
};

// Sparse costs with the starts of their rows.
class SparseArguments {
 public:
  SparseArguments(std::vector<std::int64_t> indptr, const SparseCosts& costs) : indptr_(std::move(indptr)), costs_(costs) {}
  // Good as long as this object.
  SparseCosts costs() const {
    SparseCosts costs = costs_;
    costs.indptr = indptr_.data();
    return costs;
  }

 private:
  std::vector<std::int64_t> indptr_;
  SparseCosts costs_;
};

class Arguments {
 public:
  // Whether arrays are kept for a job, or needed no longer than the call.
  enum class Keep { held, for_the_call };
  explicit Arguments(const Napi::CallbackInfo& info, Keep keep = Keep::held) : info_(info), keep_(keep) {}

  bool boolean(const char* name);
  double number(const char* name);
  // An integer in [least, most].
  std::int64_t integer(const char* name, std::int64_t least, std::int64_t most);
  std::string string(const char* name);
  // A function, or null for an empty one.
  Napi::Function function(const char* name);
  // The elements of a Float32Array, Float64Array or Int32Array, at least `length`. It may lie on a SharedArrayBuffer.
  template <class T>
  T* elements(const char* name, std::int64_t length);
  // The elements of a Float64Array, at least `length`; null for null.
  const double* optional_doubles(const char* name, std::int64_t length);
  // The elements of an Int32Array of row numbers, each in [0, limit).
  const std::int32_t* row_numbers(const char* name, std::int64_t length, std::int64_t limit);
  // Seven arguments: the stored numbers; dtype, rows, columns, rowStride, columnStride, offset.
  MatrixView matrix(const char* name);
  // The same seven, of a row-major f32 or f64 matrix.
  CostMatrix cost_matrix(const char* name);
  // Five arguments: indptr as f64, indices, data, rows, columns. Columns are left for the job to check.
  SparseArguments sparse_costs();
  // Four arguments: arrays of the blocks' stored numbers and of their scales (or null), the index (or null), and a
  // layout [count, then of every block the last six of matrix() and the identity].
  Rows rows(const char* name);
  // Eight arguments: two rows() with the same blocks.
  RowPair row_pair();

  // The GPUs of the CUDA library at a path; null for an empty one.
  std::shared_ptr<Devices> devices();

  // The arrays read so far, for a job to hold.
  std::vector<HeldArray> take_held() { return std::move(held_); }

 private:
  Napi::Value next() { return info_[position_++]; }
  template <class T>
  T* elements_of(const Napi::Value& value, const std::string& name, std::int64_t length);
  const std::int32_t* row_numbers_of(const Napi::Value& value, const std::string& name, std::int64_t length,
                                     std::int64_t limit);
  MatrixView view(const Napi::Value& stored, const double* layout, const std::string& name);

  const Napi::CallbackInfo& info_;
  Keep keep_;
  std::size_t position_ = 0;
  std::vector<HeldArray> held_;
};

}  // namespace sae_match
