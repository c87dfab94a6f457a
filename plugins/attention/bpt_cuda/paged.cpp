// Checks what can be known of a paged call without waiting for the device, and launches it.
#include "paged.h"

#include <string>

#include "attend.h"
#include "decode.h"
#include "device.h"
#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "problem.h"

namespace easylm::bpt_cuda {
namespace {

constexpr std::int64_t kPageUnit = 16;  // the keys that a warp reads at once lie in one page

[[noreturn]] void refuse(ErrorCode code, const std::string& why, const std::string& remedy) {
  throw Error(code, "attention 'bpt_cuda': " + why, remedy);
}

void check(const PagedCall& call) {
  const std::string problem = problem_with({call.q_BTNH, call.k_PSKH, call.v_PSKH});
  if (!problem.empty()) {
    refuse(ErrorCode::unsupported, problem, "use attention = \"auto\", which takes a kernel that can");
  }
  const std::int64_t page_tokens = call.k_PSKH.size(1);
  if (page_tokens == 0 || page_tokens % kPageUnit != 0) {
    refuse(ErrorCode::unsupported,
           "pages of " + std::to_string(page_tokens) + " tokens are not a multiple of 16",
           "use pages of 16, 32, 64, … tokens");
  }
  for (const at::Tensor* x : {&call.block_table_BM, &call.lengths_B}) {
    const bool fits = x->scalar_type() == at::kInt && x->device() == call.q_BTNH.device() &&
                      x->size(0) == call.q_BTNH.size(0);
    if (!fits) {
      refuse(ErrorCode::invalid_config,
             "block_table and lengths must be int32, on the queries' device, a line a row",
             "convert them once, when the pages are given out");
    }
  }
}

}  // namespace

at::Tensor attend_paged(const PagedCall& call) {
  check(call);
  const Operands operands = readable(Operands{call.q_BTNH, call.k_PSKH, call.v_PSKH});
  const at::Tensor table_BM = call.block_table_BM.contiguous(), lengths_B = call.lengths_B.contiguous();
  at::Tensor o_BTNH = aten::empty(operands.q_BTNH.sizes(), operands.q_BTNH.options());
  DecodeCall decoding;
  decoding.shape = shape_of(operands.q_BTNH, operands.k_BSKH);
  decoding.page_tokens = decoding.shape.num_keys;
  decoding.table_width = static_cast<int>(table_BM.size(1));
  const std::int64_t most = table_BM.size(1) * call.k_PSKH.size(1);
  decoding.shape.num_keys = count_of(most, "keys");
  decoding.window = call.window < most ? static_cast<int>(call.window) : 0;
  decoding.scale = static_cast<float>(call.scale);
  decoding.q = view_of(operands.q_BTNH);
  decoding.k = view_of(operands.k_BSKH);
  decoding.v = view_of(operands.v_BSKH);
  decoding.o = writable_view_of(o_BTNH);
  decoding.lengths = lengths_B.const_data_ptr<std::int32_t>();
  decoding.table = table_BM.const_data_ptr<std::int32_t>();
  const at::Tensor scratch = with_scratch(decoding, o_BTNH.device());
  launch_on(o_BTNH.device(), [&](CUstream_st* stream) { return decode(decoding, stream); });
  return o_BTNH;
}

}  // namespace easylm::bpt_cuda
