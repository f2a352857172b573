// Known answers, asked of a device before anything else is.
#pragma once

namespace sae_match::cuda {

// Throws DeviceError SELF_TEST_FAILED if a kernel gives a wrong answer, and what CUDA's errors mean.
void self_test(int device);

// Throws ARCH_UNSUPPORTED if this build has no kernels for the current device.
void require_kernels();

}  // namespace sae_match::cuda
