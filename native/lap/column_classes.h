// Identical columns: dead features are often thousands of zero columns, which every row likes as much.
#pragma once

#include <cstdint>
#include <vector>

namespace sae_match {

// Columns with the same costs are one class: only its first member stands on lists, and whoever bids for it gets the
// cheapest of them. One by one they would be raised by eps at a time, since the second choice of a row that wants one
// is another.
//
// Each member has a level, the price that its owner bid; the price of the class is the highest of them (the cheapest to
// take). An owner who bid more than that is as content with the price of the class. The price of the class falls only
// when all of its levels have fallen, so bids may go as far as a row's second choice outside of the class.
class ColumnClasses {
 public:
  // representative[j] is the first column with the costs of column j; empty where all differ.
  explicit ColumnClasses(std::vector<std::int32_t> representative);

  bool any() const { return !classes_.empty(); }
  // The list entry that stands for column j.
  std::int32_t entry(std::int32_t j) const { return any() ? representative_[j] : j; }
  // Whether entry j stands for several columns.
  bool shared(std::int32_t j) const { return any() && class_of_[j] >= 0; }
  // All entries that do.
  const std::vector<std::int32_t>& entries() const { return entries_; }

  // Of an entry that does:
  const std::vector<std::int32_t>& members(std::int32_t entry) const { return of(entry).members; }
  // [members] what each of them costs
  const std::vector<double>& levels(std::int32_t entry) const { return of(entry).levels; }
  bool has_free(std::int32_t entry) const { return of(entry).free_count > 0; }
  // The member that a bidder takes: a free one, or the one whose owner bid least.
  std::int32_t cheapest(std::int32_t entry);
  double price(std::int32_t entry) { return level(cheapest(entry)); }
  // All members at this level; those whose column_to_row is kFree have no owner.
  void restart(std::int32_t entry, double level, const std::vector<std::int32_t>& column_to_row);

  // Of a member of such a class:
  double level(std::int32_t member) const { return of(representative_[member]).levels[place_[member]]; }
  void set_level(std::int32_t member, double level);
  // It has an owner from now on, or has none any more.
  void occupy(std::int32_t member);
  void release(std::int32_t member);

 private:
  struct Class {
    std::vector<std::int32_t> members;
    std::vector<double> levels;
    std::vector<std::int32_t> free;  // and some that were
    std::int64_t free_count = 0;
    std::int32_t cheapest = -1;  // of those with owners; -1 where it has to be sought
  };
  Class& of(std::int32_t entry) { return classes_[class_of_[entry]]; }
  const Class& of(std::int32_t entry) const { return classes_[class_of_[entry]]; }

  std::vector<std::int32_t> representative_;
  std::vector<std::int32_t> class_of_;  // [columns] of entries that stand for several
  std::vector<std::int32_t> place_;     // [columns] in its class
  std::vector<std::int32_t> entries_;   // of each class
  std::vector<bool> is_free_;           // [columns] of members
  std::vector<Class> classes_;
};

}  // namespace sae_match
