// __half for emulated sources.
#pragma once

#include "cuda_emulation/emulation/half.h"
