// Kernels that read keys and values in pages, against the formula on the same tokens in a row.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "attention.h"
#include "attention_trial.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/paged_attention.h"

namespace easylm::exam {
namespace {

constexpr std::int64_t kPage = 16;

struct PagedCase {
  const char* name;
  std::vector<std::int64_t> lengths;
  std::int64_t queries = 1, key_heads = 2, shared = 2, width = 16;
  std::int64_t window = 0;
  at::ScalarType dtype = at::kFloat;
};

std::vector<PagedCase> cases() {
  const std::vector<std::int64_t> mixed{1, 0, 16, 17, 100, 33};
  return {{"a token each", mixed},
          {"a token each in bf16", mixed, 1, 2, 2, 16, 0, at::kBFloat16},
          {"a token each, 8 heads over one", mixed, 1, 1, 8, 64},
          {"a token each, window 5", mixed, 1, 2, 3, 16, 5},
          {"several tokens each", {20, 9, 130, 16}, 9, 2, 4, 80},
          {"several tokens each, window 20", {20, 9, 130, 16}, 9, 2, 1, 16, 20},
          {"rows with fewer tokens than queries", {3, 0, 40}, 7}};
}

// A row's pages lie anywhere; entries that aren't needed name no page.
PagedCall call_of(const Subject& subject, const PagedCase& one) {
  const auto rows = static_cast<std::int64_t>(one.lengths.size());
  const std::int64_t longest = *std::max_element(one.lengths.begin(), one.lengths.end());
  const std::int64_t columns = longest / kPage + 2, pages = rows * columns;
  PagedCall call;
  call.q_BTNH =
      noise(subject, "queries", {rows, one.queries, one.key_heads * one.shared, one.width}, one.dtype);
  call.k_PSKH = noise(subject, "keys", {pages, kPage, one.key_heads, one.width}, one.dtype);
  call.v_PSKH = noise(subject, "values", {pages, kPage, one.key_heads, one.width}, one.dtype);
  call.block_table_BM = aten::full({rows, columns}, -1, at::kInt);
  call.lengths_B = aten::empty({rows}, at::kInt);
  call.window = one.window;
  call.scale = 1 / std::sqrt(static_cast<double>(one.width));
  std::vector<std::int32_t> order(static_cast<std::size_t>(pages));
  std::iota(order.begin(), order.end(), 0);
  RandomStream random = subject.random("pages");
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  for (std::int64_t b = 0; b < rows; ++b) {
    const std::int64_t length = one.lengths[static_cast<std::size_t>(b)];
    call.lengths_B.mutable_data_ptr<std::int32_t>()[b] = static_cast<std::int32_t>(length);
    for (std::int64_t m = 0; m * kPage < length; ++m) {
      call.block_table_BM.mutable_data_ptr<std::int32_t>()[b * columns + m] = order.back();
      order.pop_back();
    }
  }
  return call;
}

// The slots of tokens, [P, S].
at::Tensor used_slots(const PagedCall& call) {
  at::Tensor used = aten::zeros({call.k_PSKH.size(0), kPage}, at::kBool);
  for (std::int64_t b = 0; b < call.lengths_B.size(0); ++b) {
    const std::int64_t length = call.lengths_B[b].item<std::int64_t>();
    for (std::int64_t t = 0; t < length; ++t)
      used[call.block_table_BM[b][t / kPage].item<std::int64_t>()].select(0, t % kPage).fill_(true);
  }
  return used;
}

at::Tensor exactly(const PagedCall& call) {
  Tensors rows;
  for (std::int64_t b = 0; b < call.lengths_B.size(0); ++b) {
    const auto length = call.lengths_B[b].item<std::int64_t>();
    const at::Tensor q = call.q_BTNH.narrow(0, b, 1);
    if (length == 0) {
      rows.push_back(aten::zeros(q.sizes(), at::kDouble));
      continue;
    }
    const auto in_a_row = [&](const at::Tensor& x_PSKH) {
      Tensors tokens;
      tokens.reserve(static_cast<std::size_t>(length));
      for (std::int64_t t = 0; t < length; ++t)
        tokens.push_back(x_PSKH[call.block_table_BM[b][t / kPage].item<std::int64_t>()][t % kPage]);
      return aten::stack(tokens).unsqueeze(0);
    };
    AttentionCall one{q, in_a_row(call.k_PSKH), in_a_row(call.v_PSKH)};
    one.mask.window = call.window;
    one.mask.query_offset = length - q.size(1);
    one.scale = call.scale;
    rows.push_back(attend_exactly(one).o_BTNH);
  }
  return aten::cat(rows);
}

// The extension, if the kernel has it and serves `call`.
PagedAttention* offered(AttentionKernel& kernel, const PagedCall& call) {
  auto* paged = extension_of<PagedAttention>(kernel);
  if (paged == nullptr) throw NotApplicable("it reads no pages");
  try {
    (void)paged->forward_paged(call);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    return nullptr;
  }
  return paged;
}

}  // namespace

void reads_pages(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  int served = 0;
  for (const PagedCase& one : cases()) {
    note(one.name);
    const std::string where = one.name;
    const PagedCall call = call_of(subject, one);
    PagedAttention* paged = offered(*kernel, call);
    if (paged == nullptr) continue;
    ++served;
    const at::Tensor found = paged->forward_paged(call), wanted = exactly(call);
    expect(found.defined() && found.sizes() == call.q_BTNH.sizes() &&
               found.scalar_type() == call.q_BTNH.scalar_type(),
           where + ": the output has not the queries' shape and dtype");
    const double apart = distance(found, wanted);
    expect(apart <= tolerance_of(one.dtype),
           where + ": the output is wrong by " + text_of(apart) + " of the greatest");
    expect(found.masked_select(wanted == 0).eq(0).all().item<bool>(),
           where + ": the output of a query that sees no key is not zero");
  }
  if (served == 0) throw NotApplicable("it serves none of the calls of this test, which are on the CPU");
}

void ignores_unused_slots(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  int served = 0;
  for (const PagedCase& one : cases()) {
    note(one.name);
    const PagedCall call = call_of(subject, one);
    PagedAttention* paged = offered(*kernel, call);
    if (paged == nullptr) continue;
    ++served;
    const at::Tensor wanted = paged->forward_paged(call);
    const at::Tensor unused = used_slots(call).logical_not().unsqueeze(-1).unsqueeze(-1);
    for (const double garbage : {1e30, std::numeric_limits<double>::quiet_NaN()}) {
      PagedCall other = call;
      other.k_PSKH = call.k_PSKH.masked_fill(unused, garbage);
      other.v_PSKH = call.v_PSKH.masked_fill(unused, garbage);
      expect(distance(paged->forward_paged(other), wanted) <= tolerance_of(one.dtype),
             std::string(one.name) + ": what lies in slots of no token changes the output");
    }
  }
  if (served == 0) throw NotApplicable("it serves none of the calls of this test, which are on the CPU");
}

void refuses_missing_pages(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  const PagedCall good = call_of(subject, {"", {20, 40}});
  PagedAttention* paged = offered(*kernel, good);
  if (paged == nullptr) throw NotApplicable("it doesn't serve pages in fp32 on the CPU");
  const auto refused = [&](const char* what, const PagedCall& call) {
    note(what);
    expect_refusal(what, {ErrorCode::invalid_config}, [&] { (void)paged->forward_paged(call); });
  };
  PagedCall call = good;
  call.lengths_B = good.lengths_B.clone();
  call.lengths_B[1].fill_(good.block_table_BM.size(1) * kPage + 1);
  refused("a length that needs more pages than the table has", call);
  for (const std::int64_t page : {std::int64_t{-1}, good.k_PSKH.size(0)}) {
    call = good;
    call.block_table_BM = good.block_table_BM.clone();
    call.block_table_BM[0][1].fill_(page);
    refused("a page that is not there", call);
  }
}

}  // namespace easylm::exam
