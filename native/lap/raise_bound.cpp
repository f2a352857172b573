// A list that has run out, brought up to date without a look at its whole row.
#include <algorithm>

#include "core/rounding.h"
#include "lap/shortlist_state.h"

namespace sae_match {
namespace {

struct Entry {
  std::int32_t column;
  double cost, reduced;
  bool exact;
};

// Whether cost - price, which rounds to `bound` or more, is less.
bool lies_below(const Entry& entry, double price, double bound) {
  return entry.reduced == bound && error_of_difference(entry.cost, price) < 0;
}

}  // namespace

bool raise_bound(ShortlistState& s, std::int32_t i, double level, std::int64_t most) {
  const std::int32_t owner = s.lists.owner(i);
  Shortlist& list = s.lists.of(owner);
  if (!s.history.since(s.epoch[owner], s.v, level - list.bound, most, s.laggards)) return false;
  double bound = add_down(list.exact_bound(), s.laggards.drop);
  if (!(bound > level)) return false;

  std::vector<Entry> entries;
  bool bound_is_exact = true;
  const auto add = [&](const Entry& entry) {
    if (entry.reduced < bound) {
      entries.push_back(entry);
    } else {
      bound_is_exact &= !lies_below(entry, s.v[entry.column], bound);
    }
  };
  for (std::int32_t e = 0; e < list.size; ++e) {
    const std::int32_t j = list.columns[e];
    add({j, list.costs[e], list.costs[e] - s.v[j], e < list.exact_size});
    s.on_list[j] = true;
  }
  std::erase_if(s.laggards.columns, [&](std::int32_t j) { return s.on_list[j]; });
  for (std::int32_t e = 0; e < list.size; ++e) s.on_list[list.columns[e]] = false;
  std::vector<double> costs(s.laggards.columns.size());
  const bool exact = s.source.listed(owner, s.laggards.columns.data(), static_cast<std::int64_t>(costs.size()),
                                     costs.data(), s.control);
  if (exact && !s.source.exact()) s.work.exact_costs += static_cast<std::int64_t>(costs.size());
  for (std::size_t k = 0; k < costs.size(); ++k) {
    const std::int32_t j = s.laggards.columns[k];
    add({j, costs[k], costs[k] - s.v[j], exact});
  }

  // What the list has no room for is dropped, if it still does then.
  const auto room = static_cast<std::size_t>(s.lists.room(owner));
  if (entries.size() > room) {
    const auto last = entries.begin() + static_cast<std::ptrdiff_t>(room);
    std::nth_element(entries.begin(), last, entries.end(), [](const Entry& a, const Entry& b) {
      return a.reduced != b.reduced ? a.reduced < b.reduced : a.column < b.column;
    });
    if (last->reduced > level) {
      bound = last->reduced;
      bound_is_exact = std::none_of(last, entries.end(), [&](const Entry& entry) {
        return lies_below(entry, s.v[entry.column], bound);
      });
      entries.erase(last, entries.end());
    }
  }
  s.lists.reserve(owner, static_cast<std::int64_t>(entries.size()));
  const auto first_inexact = std::partition(entries.begin(), entries.end(), [](const Entry& entry) { return entry.exact; });
  list.size = static_cast<std::int32_t>(entries.size());
  list.exact_size = static_cast<std::int32_t>(first_inexact - entries.begin());
  list.bound = bound;
  list.bound_is_exact = bound_is_exact;
  for (std::size_t e = 0; e < entries.size(); ++e) {
    list.columns[e] = entries[e].column;
    list.costs[e] = entries[e].cost;
  }
  s.epoch[owner] = s.history.now();
  ++s.work.raised_bounds;
  return true;
}

}  // namespace sae_match
