// Identical rows: dead features are often thousands of zero rows, which want the same columns.
#include <algorithm>
#include <bit>
#include <unordered_map>

#include "core/hash.h"
#include "lap/shortlist_state.h"

namespace sae_match {
namespace {

// With so many different rows of the same hash at most is a row compared.
constexpr std::size_t kMostAlike = 8;

// What the lists of identical rows have in common, whichever of many equal columns each of them kept.
std::uint64_t hash_of(const Shortlist& list, const std::vector<double>& v) {
  std::uint64_t hash = std::bit_cast<std::uint64_t>(list.bound);
  for (std::int32_t e = 0; e < list.size; ++e) {
    const std::int32_t j = list.columns[e];
    if (list.costs[e] - v[j] >= list.bound) continue;
    hash = hash_with(hash_with(hash, list.costs[e]), static_cast<std::uint64_t>(j));
  }
  return hash;
}

// Whether somebody else has column j of entry, or nobody.
bool has_others(const ShortlistState& state, std::int32_t entry, std::int32_t group) {
  const auto other = [&](std::int32_t j) {
    const std::int32_t owner = state.column_to_row[j];
    return owner < 0 || state.lists.owner(owner) != group;
  };
  if (!state.classes.shared(entry)) return other(entry);
  const std::vector<std::int32_t>& members = state.classes.members(entry);
  return std::any_of(members.begin(), members.end(), other);
}

// The least reduced cost that a group of identical rows has among columns not its own: exact if it is on their list.
double best_of_others(ShortlistState& state, std::int32_t group) {
  const Shortlist& list = state.lists.of(group);
  double best = list.bound;
  for (std::int32_t e = 0; e < list.size; ++e) {
    const std::int32_t j = list.columns[e];
    if (!(list.costs[e] - state.v[j] < best) || !has_others(state, j, group)) continue;
    // What comes here from the place that it moves to has been looked at.
    best = std::min(best, list.costs[state.make_exact(group, e)] - state.v[j]);
  }
  return best;
}

}  // namespace

void drop_repeated_rows(const CostSource& source, std::vector<std::int32_t>& rows) {
  constexpr std::int64_t kColumns = 4;
  std::vector<std::int32_t> columns;
  for (std::int64_t c = 0; c < kColumns; ++c) {
    columns.push_back(static_cast<std::int32_t>(c * source.columns() / kColumns));
  }
  std::vector<double> costs(kColumns);
  std::unordered_map<std::uint64_t, std::int32_t> first_with;
  std::erase_if(rows, [&](std::int32_t i) {
    source.costs(i, columns.data(), kColumns, costs.data());
    std::uint64_t hash = 0;
    for (const double cost : costs) hash = hash_with(hash, cost);
    const auto [first, is_new] = first_with.emplace(hash, i);
    return !is_new && source.same_row(first->second, i);
  });
}

void share_lists(ShortlistState& state) {
  std::unordered_map<std::uint64_t, std::vector<std::int32_t>> alike;
  alike.reserve(static_cast<std::size_t>(state.n));
  for (std::int32_t i = 0; i < state.n; ++i) {
    if ((i & 255) == 0) state.control.check();
    std::vector<std::int32_t>& others = alike[hash_of(state.lists.of(i), state.v)];
    std::int32_t same = kFree;
    for (const std::int32_t other : others) {
      if (same == kFree && state.source.same_row(other, i)) same = other;
    }
    if (same != kFree) {
      state.lists.share(same, i);
    } else if (others.size() < kMostAlike) {
      others.push_back(i);
    }
  }
  // A shared list needs a column for each of its rows.
  std::vector<std::int32_t> firsts;
  for (const std::vector<std::int32_t>& group : state.lists.groups()) firsts.push_back(group.front());
  if (!firsts.empty()) state.refresh(firsts, state.list_size);
}

void level_with_pool(ShortlistState& state) {
  for (const std::vector<std::int32_t>& group : state.lists.groups()) {
    const auto is_out = [&](std::int32_t member) { return state.row_to_column[member] == kPool; };
    if (std::none_of(group.begin(), group.end(), is_out)) continue;
    const double out = state.pool.reduced();
    if (state.lists.of(group.front()).bound < out) raise_bound(state, group.front(), out);
    const bool stays_out = out <= best_of_others(state, group.front());
    for (const std::int32_t member : group) {
      const std::int32_t j = state.row_to_column[member];
      if (stays_out && j >= 0) state.set_level(j, std::min(state.level(j), state.own_cost[member] - out));
      if (!stays_out && is_out(member)) state.release_row(member);
    }
  }
  state.settle_levels();
}

std::vector<std::int32_t> list_owners(const ShortlistState& state) {
  std::vector<std::int32_t> owners;
  for (std::int32_t i = 0; i < state.n; ++i) {
    if (state.lists.owner(i) == i) owners.push_back(i);
  }
  return owners;
}

}  // namespace sae_match
