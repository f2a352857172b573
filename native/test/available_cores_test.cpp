#include "core/available_cores.h"

#include <filesystem>
#include <fstream>
#include <limits>

#include "check.h"

namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

double quota(const fs::path& root) { return sae_match::cgroup_quota(root / "membership", root / "mount"); }

}  // namespace

int main() {
  const double none = std::numeric_limits<double>::infinity();
  std::string pattern = (fs::temp_directory_path() / "sae-match-cgroup-XXXXXX").string();
  const fs::path root = mkdtemp(pattern.data());

  CHECK_EQUAL(quota(root), none);  // no such files

  // Version 2: the least of a group and its ancestors.
  write(root / "membership", "0::/slice/service\n");
  CHECK_EQUAL(quota(root), none);
  write(root / "mount/slice/service/cpu.max", "max 100000\n");
  CHECK_EQUAL(quota(root), none);
  write(root / "mount/slice/cpu.max", "150000 100000\n");
  CHECK_EQUAL(quota(root), 1.5);
  write(root / "mount/slice/service/cpu.max", "50000 100000\n");
  CHECK_EQUAL(quota(root), 0.5);

  // A container that sees its own group as the root.
  write(root / "membership", "0::/\n");
  CHECK_EQUAL(quota(root), none);
  write(root / "mount/cpu.max", "400000 100000\n");
  CHECK_EQUAL(quota(root), 4.0);
  fs::remove(root / "mount/cpu.max");

  // Version 1, with the path of the host.
  write(root / "membership", "12:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n1:cpuset:/docker/1\n");
  CHECK_EQUAL(quota(root), none);
  write(root / "mount/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write(root / "mount/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK_EQUAL(quota(root), none);
  write(root / "mount/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
  CHECK_EQUAL(quota(root), 2.5);

  // Nonsense is no quota.
  write(root / "membership", "nonsense\n\n::\n0:\n");
  CHECK_EQUAL(quota(root), none);

  fs::remove_all(root);
  CHECK(sae_match::available_cores() >= 1);
  return finish();
}
