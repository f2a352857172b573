// SAEs to measure on: planted ones of any size, and stored ones of the example, stacked.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/half.h"
#include "sae_match/matrix_view.h"
#include "sae_match/run_control.h"
#include "sae_match/thread_pool.h"

namespace sae_match {

// An SAE as checkpoints hold it, and its feature rows [threshold * decoder, encoder / threshold, bias / threshold].
class BenchmarkSae {
 public:
  BenchmarkSae(std::int64_t features, std::int64_t dimension, Dtype dtype)
      : features(features),
        dimension(dimension),
        dtype(dtype),
        number_bytes(dtype == Dtype::f32 ? 4 : 2),
        decoder(new std::byte[static_cast<std::size_t>(features * dimension * number_bytes)]),
        encoder(new std::byte[static_cast<std::size_t>(features * dimension * number_bytes)]),
        bias(static_cast<std::size_t>(features)),
        threshold(bias.size(), 1),
        inverse(bias.size(), 1) {}

  Rows rows() const {
    const auto matrix = [&](const void* data, Dtype type, std::int64_t columns, std::uint64_t identity) {
      return MatrixView{data, type, features, columns, columns, 1, identity};
    };
    return {{{matrix(decoder.get(), dtype, dimension, first_identity), threshold.data()},
             {matrix(encoder.get(), dtype, dimension, first_identity + 1), inverse.data()},
             {matrix(bias.data(), Dtype::f64, 1, first_identity + 2), inverse.data()}},
            features,
            nullptr};
  }
  void set_threshold(std::int64_t i, double value) {
    threshold[i] = value;
    inverse[i] = 1 / value;
  }
  float* decoder_f32(std::int64_t i) const { return reinterpret_cast<float*>(decoder.get()) + i * dimension; }
  float* encoder_f32(std::int64_t i) const { return reinterpret_cast<float*>(encoder.get()) + i * dimension; }

  std::int64_t features, dimension;
  Dtype dtype;
  std::int64_t number_bytes;
  std::unique_ptr<std::byte[]> decoder, encoder;  // [features x dimension]
  std::vector<double> bias, threshold, inverse;   // [features]
  std::uint64_t first_identity = next_identity();  // of three: nobody writes to these tensors once they are made

 private:
  static std::uint64_t next_identity() {
    static std::uint64_t next = 1;
    return std::exchange(next, next + 3);
  }
};

using BenchmarkSaes = std::vector<BenchmarkSae>;

inline std::vector<std::int32_t> shuffled_indices(std::int64_t count, unsigned seed) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(seed);
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

// Layers of f32 of which 60 % are those of the layer before in another order, turned to a cosine of 0.3 to 0.9; the family
// `planted` of src/benchmark/planted.ts along layers.
inline BenchmarkSaes planted_saes(std::int64_t features, std::int64_t dimension, int layers) {
  BenchmarkSaes made;
  for (int layer = 0; layer < layers; ++layer) {
    made.emplace_back(features, dimension, Dtype::f32);
    BenchmarkSae& sae = made.back();
    const BenchmarkSae* before = layer > 0 ? &made[static_cast<std::size_t>(layer - 1)] : nullptr;
    const std::vector<std::int32_t> order = shuffled_indices(features, static_cast<unsigned>(layer));
    parallel_for(features, 64, 0, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> noise(static_cast<std::size_t>(dimension));
      for (std::int64_t i = begin; i < end; ++i) {
        std::mt19937 random(static_cast<unsigned>(i * 1009 + layer));
        std::normal_distribution<float> normal;
        const auto unit = [&](float* vector) {
          float sum = 0;
          for (std::int64_t k = 0; k < dimension; ++k) {
            vector[k] = normal(random);
            sum += vector[k] * vector[k];
          }
          for (std::int64_t k = 0; k < dimension; ++k) vector[k] /= std::sqrt(sum);
        };
        float* direction = sae.decoder_f32(i);
        unit(direction);
        double threshold = std::exp(1.5 + 0.4 * static_cast<double>(normal(random)));
        if (before && i % 5 < 3) {
          const float cosine = 0.3f + 0.6f * static_cast<float>(i % 1000) / 1000, sine = std::sqrt(1 - cosine * cosine);
          const float* old = before->decoder_f32(order[i]);
          for (std::int64_t k = 0; k < dimension; ++k) direction[k] = cosine * old[k] + sine * direction[k];
          threshold = before->threshold[order[i]] * (0.9 + 0.2 * static_cast<double>(i % 100) / 100);
        }
        sae.set_threshold(i, threshold);
        for (float& each : noise) each = normal(random);
        const float share = 0.5f / std::sqrt(static_cast<float>(dimension));
        for (std::int64_t k = 0; k < dimension; ++k) sae.encoder_f32(i)[k] = direction[k] + share * noise[k];
        sae.bias[i] = -1 + 0.3 * static_cast<double>(normal(random));
      }
    });
  }
  return made;
}

// The SAE of SAELens in a folder, in f16 as the example's are: [features x dimension] decoder, [dimension x features] encoder.
class StoredSae {
 public:
  explicit StoredSae(const std::string& folder) {
    const std::string path = folder + "/sae_weights.safetensors";
    std::ifstream file(path, std::ios::binary);
    std::uint64_t size = 0;
    file.read(reinterpret_cast<char*>(&size), sizeof size);
    if (!file || size > (1 << 20)) throw Error("FORMAT_INVALID", "Expected a safetensors file at " + path);
    header_.resize(size);
    file.read(header_.data(), static_cast<std::streamsize>(size));
    numbers_.assign(std::istreambuf_iterator<char>(file), {});
    bias = tensor("b_enc");
    decoder = tensor("W_dec");
    encoder = tensor("W_enc");
    threshold = tensor("threshold");
    features = static_cast<std::int64_t>(bias.size());
    dimension = static_cast<std::int64_t>(decoder.size()) / features;
  }
  std::int64_t features, dimension;
  std::vector<std::uint16_t> decoder, encoder, bias, threshold;

 private:
  std::vector<std::uint16_t> tensor(const std::string& name) const {
    const auto number_after = [&](const std::string& text, std::size_t& at) {
      at = header_.find(text, at);
      if (at == std::string::npos) throw Error("FORMAT_INVALID", "There is no tensor " + name + " of F16");
      return std::stoull(header_.substr(at += text.size(), 20));
    };
    std::size_t at = header_.find('"' + name + "\":{\"dtype\":\"F16\"");
    const std::size_t begin = number_after("\"data_offsets\":[", at), end = number_after(",", at);
    if (begin > end || end > numbers_.size()) throw Error("FORMAT_INVALID", name + " ends behind its file");
    std::vector<std::uint16_t> found((end - begin) / 2);
    std::memcpy(found.data(), numbers_.data() + begin, found.size() * 2);
    return found;
  }
  std::string header_;
  std::vector<char> numbers_;
};

// Real costs at the size of `copies` + 1 layers: layers [0, L - 1) under each other against layers [1, L), in turns and every
// time in another order, so that neighbours are real pairs over tensors of their own. At most `most` features of each layer.
inline BenchmarkSaes stacked_saes(const std::vector<StoredSae>& layers, int count, std::int64_t most) {
  BenchmarkSaes made;
  for (int place = 0; place < count; ++place) {
    const std::size_t first = static_cast<std::size_t>(place % 2);
    std::vector<std::pair<const StoredSae*, std::int64_t>> rows;
    for (std::size_t layer = first; layer + 1 < layers.size() + first; ++layer) {
      for (std::int64_t i = 0; i < std::min(most, layers[layer].features); ++i) rows.emplace_back(&layers[layer], i);
    }
    const auto features = static_cast<std::int64_t>(rows.size());
    const std::vector<std::int32_t> order = shuffled_indices(features, static_cast<unsigned>(place));
    made.emplace_back(features, layers[0].dimension, Dtype::f16);
    BenchmarkSae& sae = made.back();
    auto* decoder = reinterpret_cast<std::uint16_t*>(sae.decoder.get());
    auto* encoder = reinterpret_cast<std::uint16_t*>(sae.encoder.get());
    for (std::int64_t r = 0; r < features; ++r) {
      const auto [from, i] = rows[static_cast<std::size_t>(order[r])];
      for (std::int64_t k = 0; k < sae.dimension; ++k) {
        decoder[r * sae.dimension + k] = from->decoder[i * sae.dimension + k];
        encoder[r * sae.dimension + k] = from->encoder[k * from->features + i];
      }
      sae.bias[r] = static_cast<double>(half_to_float(from->bias[i]));
      sae.set_threshold(r, static_cast<double>(half_to_float(from->threshold[i])));
    }
  }
  return made;
}

}  // namespace sae_match
