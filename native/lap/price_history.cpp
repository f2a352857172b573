#include "lap/price_history.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/rounding.h"

namespace sae_match {
namespace {

constexpr std::int64_t kMostRemembered = 1 << 22;  // prices in all marks, 32 MB
constexpr std::int64_t kLeastMarks = 4, kMostMarks = 64;
// Looking for laggards costs about as much as a few lists.
constexpr std::int32_t kQuestionsPerLook = 64;
constexpr std::int32_t kFailuresPerLook = 8;

}  // namespace

PriceHistory::PriceHistory(std::int64_t columns, std::int64_t few)
    : few_(few),
      most_marks_(static_cast<std::size_t>(std::clamp(kMostRemembered / columns, kLeastMarks, kMostMarks))) {}

void PriceHistory::mark(const std::vector<double>& v) {
  if (!wanted_) return;
  wanted_ = false;
  // A later mark serves older lists too: prices have fallen by less since.
  if (marks_.size() == most_marks_) {
    marks_.pop_front();
    ++first_;
  }
  marks_.emplace_back().v = v;
}

bool PriceHistory::since(std::int32_t epoch, const std::vector<double>& v, double wanted, std::int64_t most,
                         Laggards& found) {
  const auto at = static_cast<std::size_t>(std::max(epoch - first_, 0));
  if (at >= marks_.size()) return false;
  Mark& mark = marks_[at];
  found.columns.clear();
  if (most > few_) {
    // Twice as far as it has to be: little is gained if it runs out again at once.
    found.drop = 2 * wanted;
    for (std::size_t j = 0; j < v.size(); ++j) {
      // What is more once rounded is more.
      if (!(drop_since(mark, v, j) > found.drop)) found.columns.push_back(static_cast<std::int32_t>(j));
    }
    return found.drop > wanted && static_cast<std::int64_t>(found.columns.size()) <= most;
  }
  ++mark.questions;
  mark.failures += !(mark.drop > wanted);
  if (!mark.looked || mark.questions >= kQuestionsPerLook || mark.failures >= kFailuresPerLook) {
    look_for_slowest(mark, v);
  }
  if (!(mark.drop > wanted)) return false;
  found.drop = mark.drop;
  for (const std::int32_t j : mark.slowest) {
    if (!(drop_since(mark, v, static_cast<std::size_t>(j)) > found.drop)) found.columns.push_back(j);
  }
  return true;
}

double PriceHistory::drop_since(const Mark& mark, const std::vector<double>& v, std::size_t j) const {
  const double drop = mark.v[j] - v[j];
  // Columns that another one stands for have no price that could fall.
  return std::isnan(drop) ? std::numeric_limits<double>::infinity() : drop;
}

void PriceHistory::look_for_slowest(Mark& mark, const std::vector<double>& v) {
  mark.looked = true;
  mark.questions = mark.failures = 0;
  drops_.resize(v.size());
  for (std::size_t j = 0; j < v.size(); ++j) drops_[j] = drop_since(mark, v, j);
  const auto rank = std::min<std::ptrdiff_t>(few_, static_cast<std::ptrdiff_t>(drops_.size()) - 1);
  std::nth_element(drops_.begin(), drops_.begin() + rank, drops_.end());
  const double rounded = drops_[static_cast<std::size_t>(rank)];
  mark.drop = rounded;
  mark.slowest.clear();
  for (std::size_t j = 0; j < v.size(); ++j) {
    const double drop = drop_since(mark, v, j);
    if (drop < rounded) {
      mark.slowest.push_back(static_cast<std::int32_t>(j));
    } else if (drop == rounded) {
      mark.drop = std::min(mark.drop, subtract_down(mark.v[j], v[j]));
    }
  }
}

}  // namespace sae_match
