#include "addon/arguments.h"

#include <algorithm>
#include <cmath>

#include "addon/build_info.h"
#include "sae_match/run_control.h"

namespace sae_match {
namespace {

constexpr std::int64_t kLayoutSize = 6;
constexpr std::int64_t kBlockLayoutSize = kLayoutSize + 1;
constexpr double kMaxSafeInteger = 9007199254740991.0;
constexpr double kMaxSize = 2147483647.0;  // of one dimension: permutations are Int32Arrays

struct Span {
  void* data;
  std::size_t length;
  napi_typedarray_type type;
};

template <class T>
constexpr napi_typedarray_type kArrayType = napi_uint16_array;  // half precision
template <>
constexpr napi_typedarray_type kArrayType<float> = napi_float32_array;
template <>
constexpr napi_typedarray_type kArrayType<double> = napi_float64_array;
template <>
constexpr napi_typedarray_type kArrayType<std::int32_t> = napi_int32_array;

[[noreturn]] void refuse(const std::string& name, const std::string& expected) {
  throw Error("INVALID_ARGUMENT", "Expected " + expected + " for `" + name + "`");
}

// The pointer that Node gives includes the byte offset already. The ArrayBuffer is never asked for: it may be shared.
Span span_of(const Napi::Value& value, const std::string& name) {
  if (!value.IsTypedArray()) refuse(name, "a typed array");
  Span span{};
  if (napi_get_typedarray_info(value.Env(), value, &span.type, &span.length, &span.data, nullptr, nullptr) != napi_ok) {
    refuse(name, "a readable typed array");
  }
  return span;
}

std::int64_t to_integer(double value, const std::string& name, double least, double most) {
  if (!(value >= least && value <= most && std::floor(value) == value)) {
    refuse(name, "an integer from " + std::to_string(static_cast<std::int64_t>(least)) + " to " +
                     std::to_string(static_cast<std::int64_t>(most)));
  }
  return static_cast<std::int64_t>(value);
}

std::size_t element_size(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
      return 4;
    case Dtype::f64:
      return 8;
    default:
      return 2;
  }
}

}  // namespace

HeldArray::HeldArray(const Napi::Value& array, const void* data, std::size_t length)
    : reference_(Napi::Persistent(array.As<Napi::Object>())), data_(data), length_(length) {}

bool HeldArray::attached() const {
  const Span span = span_of(reference_.Value(), "array");
  return span.data == data_ && span.length == length_;
}

bool Arguments::boolean(const char* name) {
  const Napi::Value value = next();
  if (!value.IsBoolean()) refuse(name, "a boolean");
  return value.As<Napi::Boolean>();
}

double Arguments::number(const char* name) {
  const Napi::Value value = next();
  if (!value.IsNumber()) refuse(name, "a number");
  return value.As<Napi::Number>();
}

std::int64_t Arguments::integer(const char* name, std::int64_t least, std::int64_t most) {
  return to_integer(number(name), name, static_cast<double>(least), static_cast<double>(most));
}

std::string Arguments::string(const char* name) {
  const Napi::Value value = next();
  if (!value.IsString()) refuse(name, "a string");
  return value.As<Napi::String>();
}

Napi::Function Arguments::function(const char* name) {
  const Napi::Value value = next();
  if (value.IsNull()) return {};
  if (!value.IsFunction()) refuse(name, "a function or null");
  return value.As<Napi::Function>();
}

template <class T>
T* Arguments::elements_of(const Napi::Value& value, const std::string& name, std::int64_t length) {
  const Span span = span_of(value, name);
  if (span.type != kArrayType<T>) refuse(name, "another kind of typed array");
  if (static_cast<double>(span.length) < static_cast<double>(length)) {
    if (span.length == 0) {
      throw Error("INPUT_DETACHED", "The array `" + name + "` is empty: its memory was transferred away");
    }
    refuse(name, "at least " + std::to_string(length) + " elements");
  }
  if (keep_ == Keep::held) held_.emplace_back(value, span.data, span.length);
  return static_cast<T*>(span.data);
}

template <class T>
T* Arguments::elements(const char* name, std::int64_t length) {
  return elements_of<T>(next(), name, length);
}

template float* Arguments::elements<float>(const char*, std::int64_t);
template double* Arguments::elements<double>(const char*, std::int64_t);
template std::int32_t* Arguments::elements<std::int32_t>(const char*, std::int64_t);

const double* Arguments::optional_doubles(const char* name, std::int64_t length) {
  const Napi::Value value = next();
  return value.IsNull() ? nullptr : elements_of<double>(value, name, length);
}

const std::int32_t* Arguments::row_numbers(const char* name, std::int64_t length, std::int64_t limit) {
  return row_numbers_of(next(), name, length, limit);
}

const std::int32_t* Arguments::row_numbers_of(const Napi::Value& value, const std::string& name, std::int64_t length,
                                              std::int64_t limit) {
  const std::int32_t* numbers = elements_of<std::int32_t>(value, name, length);
  for (std::int64_t i = 0; i < length; ++i) {
    if (numbers[i] < 0 || numbers[i] >= limit) refuse(name, "row numbers below " + std::to_string(limit));
  }
  return numbers;
}

MatrixView Arguments::view(const Napi::Value& stored, const double* layout, const std::string& name) {
  MatrixView matrix;
  matrix.dtype = static_cast<Dtype>(to_integer(layout[0], name + ".dtype", 0, 3));
  matrix.rows = to_integer(layout[1], name + ".rows", 0, kMaxSize);
  matrix.columns = to_integer(layout[2], name + ".columns", 0, kMaxSize);
  matrix.row_stride = to_integer(layout[3], name + ".rowStride", 0, kMaxSafeInteger);
  matrix.column_stride = to_integer(layout[4], name + ".columnStride", 0, kMaxSafeInteger);
  const std::int64_t offset = to_integer(layout[5], name + ".offset", 0, kMaxSafeInteger);

  // In doubles: products of sizes may leave 64 bits, and rounding cannot bring such an extent below a real length.
  double extent = static_cast<double>(offset);
  if (matrix.rows > 0 && matrix.columns > 0) {
    extent += (layout[1] - 1) * layout[3] + (layout[2] - 1) * layout[4] + 1;
  }
  const std::int64_t length = static_cast<std::int64_t>(std::min(extent, kMaxSafeInteger));
  char* base = nullptr;
  switch (matrix.dtype) {
    case Dtype::f32:
      base = reinterpret_cast<char*>(elements_of<float>(stored, name, length));
      break;
    case Dtype::f64:
      base = reinterpret_cast<char*>(elements_of<double>(stored, name, length));
      break;
    default:
      base = reinterpret_cast<char*>(elements_of<std::uint16_t>(stored, name, length));
  }
  matrix.data = base + static_cast<std::size_t>(offset) * element_size(matrix.dtype);
  return matrix;
}

MatrixView Arguments::matrix(const char* name) {
  const Napi::Value stored = next();
  double layout[kLayoutSize];
  for (double& each : layout) each = number(name);
  return view(stored, layout, name);
}

CostMatrix Arguments::cost_matrix(const char* name) {
  const MatrixView view = matrix(name);
  if (view.dtype != Dtype::f32 && view.dtype != Dtype::f64) refuse(name, "f32 or f64 numbers");
  if (view.column_stride != 1) refuse(name, "a row-major matrix");
  return {view.data, view.dtype, view.rows, view.columns, view.row_stride};
}

SparseArguments Arguments::sparse_costs() {
  const Napi::Value starts = next(), indices = next(), data = next();
  SparseCosts costs;
  costs.rows = integer("rows", 0, static_cast<std::int64_t>(kMaxSize));
  costs.columns = integer("columns", 0, static_cast<std::int64_t>(kMaxSize));
  const double* given = elements_of<double>(starts, "indptr", costs.rows + 1);
  std::vector<std::int64_t> indptr(static_cast<std::size_t>(costs.rows) + 1);
  for (std::int64_t i = 0; i <= costs.rows; ++i) {
    const double least = i == 0 ? 0 : static_cast<double>(indptr[i - 1]);
    indptr[i] = to_integer(given[i], "indptr", least, i == 0 ? 0 : kMaxSafeInteger);
  }
  costs.indices = elements_of<std::int32_t>(indices, "indices", indptr.back());
  if (!data.IsTypedArray()) refuse("data", "a typed array");
  const bool single = data.As<Napi::TypedArray>().TypedArrayType() == napi_float32_array;
  costs.dtype = single ? Dtype::f32 : Dtype::f64;
  if (single) {
    costs.data = elements_of<float>(data, "data", indptr.back());
  } else {
    costs.data = elements_of<double>(data, "data", indptr.back());
  }
  return {std::move(indptr), costs};
}

Rows Arguments::rows(const char* name) {
  const Napi::Value stored = next(), scales = next(), index = next(), layout_array = next();
  if (!stored.IsArray() || !scales.IsArray()) refuse(name, "arrays of blocks");
  const std::uint32_t blocks = stored.As<Napi::Array>().Length();
  const double* layout =
      elements_of<double>(layout_array, std::string(name) + ".layout", 1 + kBlockLayoutSize * std::int64_t{blocks});

  Rows rows;
  rows.count = to_integer(layout[0], std::string(name) + ".count", 0, kMaxSize);
  std::int64_t stored_rows = rows.count;
  for (std::uint32_t block = 0; block < blocks; ++block) {
    const std::string block_name = std::string(name) + ".blocks[" + std::to_string(block) + "]";
    const double* block_layout = layout + 1 + kBlockLayoutSize * std::int64_t{block};
    MatrixView matrix = view(stored.As<Napi::Array>().Get(block), block_layout, block_name);
    matrix.identity = static_cast<std::uint64_t>(
        to_integer(block_layout[kLayoutSize], block_name + ".identity", 0, kMaxSafeInteger));
    if (block > 0 && matrix.rows != stored_rows) refuse(block_name, std::to_string(stored_rows) + " rows");
    stored_rows = matrix.rows;
    const Napi::Value scale = scales.As<Napi::Array>().Get(block);
    rows.blocks.push_back(
        {matrix, scale.IsNull() ? nullptr : elements_of<double>(scale, block_name + ".scale", stored_rows)});
  }
  if (index.IsNull()) {
    if (rows.count > stored_rows) refuse(name, "at most " + std::to_string(stored_rows) + " rows");
  } else {
    rows.index = row_numbers_of(index, std::string(name) + ".index", rows.count, stored_rows);
  }
  if (rows.count > 0 && rows.width() == 0) refuse(name, "rows of at least one number");
  return rows;
}

std::shared_ptr<Devices> Arguments::devices() {
  const std::string path = string("cudaLibrary");
  return path.empty() ? nullptr : Devices::load(path, kBuildInfo.version);
}

RowPair Arguments::row_pair() {
  Rows a = rows("a"), b = rows("b");
  const auto same_width = [](const RowBlock& left, const RowBlock& right) {
    return left.matrix.columns == right.matrix.columns;
  };
  if (!std::equal(a.blocks.begin(), a.blocks.end(), b.blocks.begin(), b.blocks.end(), same_width)) {
    refuse("b", "blocks of the widths of `a`");
  }
  return {std::move(a), std::move(b)};
}

}  // namespace sae_match
