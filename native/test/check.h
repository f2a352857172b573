// Assertions of the C++ tests: they count failures, print both values, and work in every build type.
#pragma once

#include <cstdio>
#include <iostream>
#include <string>

#include "sae_match/run_control.h"

inline int failed_checks = 0;

#define CHECK(condition)                                                                    \
  do {                                                                                      \
    if (!(condition)) {                                                                     \
      ++failed_checks;                                                                      \
      std::cerr << __FILE__ << ":" << __LINE__ << ": expected " << #condition << std::endl; \
    }                                                                                       \
  } while (false)

#define CHECK_EQUAL(left, right)                                                                                       \
  do {                                                                                                                 \
    const auto& left_value = (left);                                                                                   \
    const auto& right_value = (right);                                                                                 \
    if (!(left_value == right_value)) {                                                                                \
      ++failed_checks;                                                                                                 \
      std::cerr << __FILE__ << ":" << __LINE__ << ": expected " << #left << " == " << #right << ", got " << left_value \
                << " and " << right_value << std::endl;                                                                \
    }                                                                                                                  \
  } while (false)

// The code of the Error that a call ends with, TimeIsUp of one that runs out of time; empty where it does not fail.
template <class Call>
std::string code_of(Call call) {
  try {
    call();
  } catch (const sae_match::Error& error) {
    return error.code();
  } catch (const sae_match::TimeIsUp&) {
    return "TimeIsUp";
  }
  return "";
}

// The exit status of main().
inline int finish() {
  if (failed_checks) std::fprintf(stderr, "%d checks failed\n", failed_checks);
  return failed_checks ? 1 : 0;
}
