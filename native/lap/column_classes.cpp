#include "lap/column_classes.h"

#include <algorithm>
#include <utility>

#include "lap/shortlist_state.h"

namespace sae_match {

ColumnClasses::ColumnClasses(std::vector<std::int32_t> representative) : representative_(std::move(representative)) {
  const std::size_t columns = representative_.size();
  class_of_.assign(columns, -1);
  place_.assign(columns, 0);
  is_free_.assign(columns, false);
  for (std::size_t j = 0; j < columns; ++j) {
    const std::int32_t first = representative_[j];
    if (first == static_cast<std::int32_t>(j)) continue;
    if (class_of_[first] < 0) {
      class_of_[first] = static_cast<std::int32_t>(classes_.size());
      classes_.emplace_back().members = {first};
      entries_.push_back(first);
    }
    place_[j] = static_cast<std::int32_t>(of(first).members.size());
    of(first).members.push_back(static_cast<std::int32_t>(j));
  }
  for (Class& each : classes_) each.levels.assign(each.members.size(), 0);
}

std::int32_t ColumnClasses::cheapest(std::int32_t entry) {
  Class& of_entry = of(entry);
  if (of_entry.free_count > 0) {
    while (!is_free_[of_entry.free.back()]) of_entry.free.pop_back();
    return of_entry.free.back();
  }
  if (of_entry.cheapest < 0) {
    const auto highest = std::max_element(of_entry.levels.begin(), of_entry.levels.end());
    of_entry.cheapest = of_entry.members[static_cast<std::size_t>(highest - of_entry.levels.begin())];
  }
  return of_entry.cheapest;
}

void ColumnClasses::restart(std::int32_t entry, double level, const std::vector<std::int32_t>& column_to_row) {
  Class& of_entry = of(entry);
  std::fill(of_entry.levels.begin(), of_entry.levels.end(), level);
  of_entry.cheapest = -1;
  of_entry.free.clear();
  // The first ones are taken first.
  for (auto member = of_entry.members.rbegin(); member != of_entry.members.rend(); ++member) {
    is_free_[*member] = column_to_row[*member] == kFree;
    if (is_free_[*member]) of_entry.free.push_back(*member);
  }
  of_entry.free_count = static_cast<std::int64_t>(of_entry.free.size());
}

void ColumnClasses::set_level(std::int32_t member, double level) {
  Class& of_member = of(representative_[member]);
  of_member.levels[static_cast<std::size_t>(place_[member])] = level;
  of_member.cheapest = -1;
}

void ColumnClasses::occupy(std::int32_t member) {
  --of(representative_[member]).free_count;
  is_free_[member] = false;
}

void ColumnClasses::release(std::int32_t member) {
  Class& of_member = of(representative_[member]);
  ++of_member.free_count;
  of_member.free.push_back(member);
  is_free_[member] = true;
}

}  // namespace sae_match
