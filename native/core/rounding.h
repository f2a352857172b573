// Rounding down, for bounds that must hold in exact terms.
#pragma once

#include <cmath>
#include <limits>

namespace sae_match {

inline double down(double x) { return std::nextafter(x, -std::numeric_limits<double>::infinity()); }

// (a - b) - fl(a - b), which is a double (Knuth's two-sum).
inline double error_of_difference(double a, double b) {
  const double s = a - b, b_part = a - s, a_part = s + b_part;
  return (a - a_part) + (b_part - b);
}

// a - b rounded down: the nearest double unless that lies above the exact difference.
inline double subtract_down(double a, double b) {
  const double s = a - b;
  return std::isfinite(s) && error_of_difference(a, b) < 0 ? down(s) : s;
}

// a + b likewise.
inline double add_down(double a, double b) { return subtract_down(a, -b); }

}  // namespace sae_match
