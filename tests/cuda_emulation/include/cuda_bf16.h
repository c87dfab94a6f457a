// __nv_bfloat16 for emulated sources.
#pragma once

#include "cuda_emulation/emulation/half.h"
