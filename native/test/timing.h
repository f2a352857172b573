// How long calls take.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace sae_match {

inline double seconds_of(const std::function<void()>& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Of several calls, the shortest first.
inline std::vector<double> seconds_of_calls(int repetitions, const std::function<void()>& body) {
  std::vector<double> seconds;
  for (int repetition = 0; repetition < repetitions; ++repetition) seconds.push_back(seconds_of(body));
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

}  // namespace sae_match
