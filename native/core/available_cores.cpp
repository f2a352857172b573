#include "core/available_cores.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

namespace sae_match {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

// "<quota> <period>" in microseconds; "max" for no quota.
double version2_quota(const std::string& directory) {
  std::ifstream file(directory + "/cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period && quota > 0 && period > 0 ? quota / period : kUnlimited;
}

// A quota of -1 is none.
double version1_quota(const std::string& directory) {
  std::ifstream quota_file(directory + "/cpu.cfs_quota_us"), period_file(directory + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quota_file >> quota && period_file >> period && quota > 0 && period > 0 ? quota / period : kUnlimited;
}

// In a container the path may be that of the host, whose groups are not mounted: the missing ones are unlimited.
double least_of_ancestors(const std::string& mount, std::string path, double (*quota_of)(const std::string&)) {
  double least = quota_of(mount);
  while (path.size() > 1) {
    least = std::min(least, quota_of(mount + path));
    path.resize(path.rfind('/'));
  }
  return least;
}

bool lists(const std::string& controllers, const std::string& name) {
  return ("," + controllers + ",").find("," + name + ",") != std::string::npos;
}

int affinity_cores() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

double cgroup_quota(const std::string& membership, const std::string& mount) {
  double least = kUnlimited;
  std::ifstream file(membership);
  for (std::string line; std::getline(file, line);) {  // hierarchy:controllers:path
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (path.empty() || path[0] != '/') continue;
    if (controllers.empty()) {
      least = std::min(least, least_of_ancestors(mount, path, version2_quota));
    } else if (lists(controllers, "cpu")) {
      least = std::min(least, least_of_ancestors(mount + "/" + controllers, path, version1_quota));
    }
  }
  return least;
}

int available_cores() {
  const int cores = std::max(1, affinity_cores());
  const double quota = cgroup_quota("/proc/self/cgroup", "/sys/fs/cgroup");
  return quota < cores ? std::max(1, static_cast<int>(quota)) : cores;
}

}  // namespace sae_match
