// How many processor cores this process may use.
#pragma once

#include <string>

namespace sae_match {

// The cores of the affinity mask, lowered to the cgroup quota (rounded down, at least 1).
int available_cores();

// The CPU quota in cores, from the cgroups that `membership` (a file like /proc/self/cgroup) names below `mount`:
// the least of a group and its ancestors, version 1 or 2. Infinity where there is none.
double cgroup_quota(const std::string& membership, const std::string& mount);

}  // namespace sae_match
