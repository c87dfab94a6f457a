// What the processor at hand can do, as far as it changes how we compute.
#pragma once

namespace easylm {

// Whether this CPU multiplies bf16 matrices itself. Without it LibTorch falls back to loops that are slower
// than fp32 products by an order of magnitude, so we compute in fp32 on upcast copies instead.
bool has_native_bf16();

}  // namespace easylm
