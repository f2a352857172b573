#!/usr/bin/env bash
# What a maintainer runs on a machine with a GPU before a release. The machine needs a GPU, its driver, nvcc and a C++20
# compiler, nothing else: no CMake, no Node, no data. Where Node, node_modules and a built addon are here, too, the parity
# suite and doctor run over them.
#
# usage: scripts/gpu-check.sh [--out DIR] [STAGE...]
# stages, in this order: build tests operations memcheck racecheck parity, and of the benchmark sweep pair pairs stacked large
# peers (default: all). Each fits ten minutes, after which its program is stopped, and writes DIR/STAGE.json;
# DIR/gpu-check.json (default DIR: gpu-check) has all that were written since the last build. FEATURES=16384 DIMENSION=2304
# LAYERS=26 are the sizes of planted SAEs, SAES=FOLDER names other real layers to stack than the example's. What Python finds
# installed among scipy, lapjv, lap and torch stands beside ours.
# exit status: 0 all passed, 1 a stage failed, 2 wrong usage, 3 no GPU or no nvcc here
set -euo pipefail
cd "$(dirname "$0")/.."

all_stages=(build tests operations memcheck racecheck parity sweep pair pairs stacked large peers)
out=./gpu-check
stages=()
while [ $# -gt 0 ]; do
  case $1 in
    --out)
      [ $# -ge 2 ] || { echo "--out wants a folder" >&2; exit 2; }
      out=$2
      shift
      ;;
    -h | --help)
      sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"
      exit 0
      ;;
    *)
      [[ " ${all_stages[*]} " == *" $1 "* ]] || { echo "Expected one of ${all_stages[*]}, got $1" >&2; exit 2; }
      stages+=("$1")
      ;;
  esac
  shift
done
[ ${#stages[@]} -gt 0 ] || stages=("${all_stages[@]}")

PATH=$PATH:/usr/local/cuda/bin
missing() {
  echo "gpu-check: $1" >&2
  exit 3
}
command -v nvidia-smi > /dev/null || missing "there is no nvidia-smi: this machine has no NVIDIA driver (NO_DRIVER)"
gpus=$(nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total --format=csv,noheader) ||
  missing "nvidia-smi finds no GPU (NO_DEVICE)${gpus:+: $gpus}"
gpu=${gpus%%$'\n'*}
[ -n "$gpu" ] || missing "nvidia-smi finds no GPU (NO_DEVICE)"
command -v nvcc > /dev/null || missing "there is no nvcc in PATH nor in /usr/local/cuda/bin"
compiler=${CXX:-$(command -v c++ || command -v g++ || command -v clang++ || true)}
[ -n "$compiler" ] || missing "there is no C++ compiler; set CXX"

features=${FEATURES:-16384} dimension=${DIMENSION:-2304} layers=${LAYERS:-26}
saes=${SAES:-examples/smollm2-135m-1024}
work=$out/build
mkdir -p "$work"
work=$(cd "$work" && pwd)
out=$(cd "$out" && pwd)
library=$work/libsae_match_cuda.so
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
capability=$(cut -d, -f2 <<< "$gpu" | tr -d ' .')
[ "$capability" -ge 80 ] || missing "the GPU is older than compute capability 8.0 (ARCH_UNSUPPORTED): $gpu"

# Objects of the core, the instruction sets of this processor among them.
build() {
  (cd "$out" && rm -f "${all_stages[@]/%/.json}")  # of other builds
  local flags=(-std=c++20 -O3 -fPIC -ffp-contract=off -Wno-psabi -Inative/include -Inative)
  local have=() avx2=(-mavx2 -mfma -mf16c) avx512=(-mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c)
  grep -qw avx2 /proc/cpuinfo && have+=(avx2)
  grep -qw avx512vl /proc/cpuinfo && have+=(avx512)
  local simd file options
  for simd in "${have[@]}"; do flags+=("-DSAE_MATCH_HAVE_${simd^^}"); done

  nvcc -std=c++17 -O3 --fmad=false -arch="sm_$capability" --cudart=static -shared \
    -Xcompiler=-fPIC,-fvisibility=hidden,-ffp-contract=off,-Wall,-Wextra -lineinfo --threads 0 -Inative \
    "-DSAE_MATCH_PACKAGE_VERSION=\"$version\"" "-DSAE_MATCH_CUDA_BUILD=\"gpu-check for sm_$capability\"" \
    -Xlinker=-z,nodelete,--version-script=native/cuda/exports.map native/cuda/*.cu -o "$library"

  : > "$work/commands"
  local objects=()
  for file in native/{core,features,gemm,device,cost,lap}/*.cpp; do
    options=("${flags[@]}")
    case $file in
      *_avx2.cpp) [[ " ${have[*]} " == *" avx2 "* ]] || continue; options+=("${avx2[@]}") ;;
      *_avx512.cpp) [[ " ${have[*]} " == *" avx512 "* ]] || continue; options+=("${avx512[@]}") ;;
      *_amx.cpp | *_neon.cpp) continue ;;
    esac
    objects+=("$work/$(basename "$file").o")
    echo "$compiler ${options[*]} -c $file -o ${objects[-1]}" >> "$work/commands"
  done
  xargs -P "$(nproc)" -I{} sh -c '{}' < "$work/commands"
  for file in cuda_source_test cuda_resident_test cuda_bounds_test gpu_operations gpu_benchmark; do
    "$compiler" "${flags[@]}" "-DSAE_MATCH_PACKAGE_VERSION=\"$version\"" "native/test/$file.cpp" "${objects[@]}" \
      -o "$work/$file" -pthread -ldl
  done
  local bytes
  bytes=$(stat -c %s "$library")
  echo "{\"library_bytes\": $bytes}"
}

# A GPU that hangs shall not hang this.
limited() { timeout 600 "$@"; }

tests() {
  limited "$work/cuda_source_test" "$library"
  limited "$work/cuda_resident_test" "$library"
  limited "$work/cuda_bounds_test" 700 "$library"
  echo '{"passed": true}'
}

sanitizer() {
  command -v compute-sanitizer > /dev/null || { echo '{"skipped": "there is no compute-sanitizer"}'; return; }
  limited compute-sanitizer --tool "$1" --error-exitcode 1 "$work/cuda_source_test" "$library" small
  echo '{"errors": 0}'
}
parity() {
  if ! command -v node > /dev/null || [ ! -d node_modules/vitest ] || [ ! -e build/Release/sae_match.node ]; then
    echo '{"skipped": "Node, node_modules or the addon are not here"}'
    return
  fi
  if [ -e dist/cli/main.js ]; then SAE_MATCH_CUDA_LIB=$library limited node dist/cli/main.js doctor --backend cuda; fi
  SAE_MATCH_CUDA_LIB=$library REQUIRE_BACKEND=cuda limited node node_modules/vitest/vitest.mjs run test/parity \
    --reporter=json --outputFile="$work/parity.json"
  node -e 'const {numPassedTests: passed, numFailedTests: failed} = JSON.parse(require("fs").readFileSync(process.argv[1]));
    console.log(JSON.stringify({passed, failed}))' "$work/parity.json"
}

benchmark() { limited "$work/gpu_benchmark" "$library" "$@"; }
large() {
  local four eight
  four=$(benchmark large $((4 * features)) "$dimension" | tee /dev/stderr | tail -n 1)
  eight=$(benchmark large $((8 * features)) $((dimension * 14 / 9)) | tee /dev/stderr | tail -n 1)
  echo "[$four, $eight]"
}
peers() {
  local ours theirs='"there is no Python with numpy"'
  ours=$(benchmark costs "$saes" $((features / 4)) $((dimension / 2)) "$work" | tee /dev/stderr | tail -n 1)
  if python3 -c 'import numpy' 2> /dev/null; then
    theirs=$(limited python3 scripts/gpu-peers.py "$work/planted.npy" "$work/stacked.npy" | tail -n 1)
  fi
  echo "{\"ours\": $ours, \"peers\": $theirs}"
}

run_stage() {
  case $1 in
    build) build ;;
    tests) tests ;;
    memcheck | racecheck) sanitizer "$1" ;;
    parity) parity ;;
    operations) limited "$work/gpu_operations" "$library" "$features" $((2 * dimension + 1)) ;;
    sweep | pair) benchmark "$1" "$features" "$dimension" ;;
    pairs) benchmark pairs "$features" "$dimension" "$layers" ;;
    stacked) benchmark stacked "$saes" "$layers" "$features" ;;
    large) large ;;
    peers) peers ;;
  esac
}

failed=0
for stage in "${stages[@]}"; do
  echo "== $stage"
  begin=$(date +%s)
  # What a stage prints last is its result. No `if` around it: that would let a stage go on after a command that fails.
  set +e
  (set -e; run_stage "$stage") 2>&1 | tee "$work/$stage.log"
  code=${PIPESTATUS[0]}
  set -e
  status=passed
  [ "$code" -eq 0 ] || status=failed failed=1
  result=$(tail -n 1 "$work/$stage.log")
  [[ $result == "{"*"}" || $result == "["*"]" ]] || result=null
  printf '{"stage": "%s", "status": "%s", "seconds": %d, "result": %s}\n' \
    "$stage" "$status" "$(($(date +%s) - begin))" "$result" > "$out/$stage.json"
  [ "$status" = passed ] || echo "gpu-check: $stage failed with status $code, see $work/$stage.log" >&2
done

{
  printf '{"date": "%s", "commit": "%s", "version": "%s", "gpu": "%s", "processor": "%s", "nvcc": "%s", "stages": [' \
    "$(date -u +%FT%TZ)" "$(git rev-parse HEAD 2> /dev/null || true)" "$version" "$gpu" \
    "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" "$(nvcc --version | sed -n 's/.*release \([0-9.]*\).*/\1/p')"
  separator=
  for stage in "${all_stages[@]}"; do
    [ -e "$out/$stage.json" ] || continue
    printf '%s' "$separator"
    tr -d '\n' < "$out/$stage.json"
    separator=', '
  done
  echo ']}'
} > "$out/gpu-check.json"
echo "$out/gpu-check.json"
exit $failed
