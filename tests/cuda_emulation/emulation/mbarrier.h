// Barriers in shared memory that count arrivals and bytes: mbarrier.
#pragma once

#include <cstdint>

namespace easylm::emulation {

// A barrier's 8 bytes in shared memory hold its state. A phase ends when as many arrived as init() said and
// all bytes that were expected have landed. Each function is a Fault on memory that holds no barrier, and
// where a count leaves its range. Stricter than the hardware: bytes that land before anybody expects them are
// a Fault.
void mbarrier_init(std::uint64_t* barrier, std::uint32_t count);
void mbarrier_arrive(std::uint64_t* barrier);
void mbarrier_arrive_expect(std::uint64_t* barrier, std::uint32_t bytes);
void mbarrier_complete(std::uint64_t* barrier, std::uint32_t bytes);

// Returns when the phase of this parity has ended: at once if the current phase has the other parity.
void mbarrier_wait(std::uint64_t* barrier, std::uint32_t parity);

}  // namespace easylm::emulation
