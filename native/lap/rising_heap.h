// A priority queue that may be behind the times.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sae_match {

// A heap of numbered things by rising key. Keys only rise: a key may be out of date, then it is too low, and whoever
// looks at the top brings it up to date.
class RisingHeap {
 public:
  struct Item {
    double key;
    std::int32_t number;
    // The order of std::push_heap: least key on top, then the lower number, so that runs repeat.
    bool operator<(const Item& other) const { return key != other.key ? key > other.key : number > other.number; }
  };
  bool empty() const { return items_.empty(); }
  const Item& top() const { return items_.front(); }
  void clear() { items_.clear(); }
  void push(double key, std::int32_t number) {
    items_.push_back({key, number});
    std::push_heap(items_.begin(), items_.end());
  }
  void pop() {
    std::pop_heap(items_.begin(), items_.end());
    items_.pop_back();
  }
  template <class Wanted>
  void erase_if(Wanted wanted) {
    std::erase_if(items_, wanted);
    std::make_heap(items_.begin(), items_.end());
  }
  void raise_top(double key) {
    const std::int32_t number = items_.front().number;
    pop();
    push(key, number);
  }

 private:
  std::vector<Item> items_;
};

}  // namespace sae_match
