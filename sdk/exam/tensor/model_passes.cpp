// What models give in one forward pass, held against what they give in another.
#include <ATen/core/grad_mode.h>

#include <array>
#include <map>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/kv_cache.h"
#include "model.h"
#include "model_trial.h"

namespace easylm::exam {
namespace {

// How far decoding token by token may be from the whole sequence, in fp32.
constexpr double kSameDecoding = 1e-4;

// A cache that looks at what it is given.
class CheckedCache : public GrowingKvCache {
 public:
  explicit CheckedCache(const ModelFacts& facts) : GrowingKvCache(facts.num_layers), facts_(facts) {}

  Extended extend(std::int64_t layer, const at::Tensor& k_BTKH, const at::Tensor& v_BTKH) override {
    for (const at::Tensor* x : {&k_BTKH, &v_BTKH}) {
      expect(x->dim() == 4 && x->size(2) == facts_.num_key_value_heads && x->size(3) == facts_.head_dim,
             "it caches keys or values of other heads than num_key_value_heads and head_dim say");
    }
    return GrowingKvCache::extend(layer, k_BTKH, v_BTKH);
  }

 private:
  const ModelFacts& facts_;
};

// Hidden states of `ids_BT`, computed in chunks of `sizes`; the last size holds for all that follow.
at::Tensor decoded(Model& model, const at::Tensor& ids_BT, std::span<const std::int64_t> sizes) {
  const at::NoGradGuard no_grad;
  CheckedCache cache(model.facts());
  Tensors h_BTD;
  std::size_t chunk = 0;
  for (std::int64_t begin = 0; begin < ids_BT.size(1);) {
    const std::int64_t size = std::min(sizes[std::min(chunk++, sizes.size() - 1)], ids_BT.size(1) - begin);
    ForwardContext context(Phase::infer);
    h_BTD.push_back(run_model_cached(model, ids_BT.narrow(1, begin, size), cache, context));
    begin += size;
    expect(cache.length() == begin, "after " + std::to_string(begin) + " tokens the cache holds " +
                                        std::to_string(cache.length()) + " in some layer");
  }
  return aten::cat(h_BTD, 1);
}

// Remembers every product that goes through it.
class Recording : public ForwardContext {
 public:
  Recording() : ForwardContext(Phase::infer) {}

  at::Tensor linear(const LinearWeights& weights, const at::Tensor& x) override {
    products.push_back(weights);
    return ForwardContext::linear(weights, x);
  }

  std::vector<LinearWeights> products;
};

std::int64_t length_for_documents(const Model& model) {
  const std::int64_t length = usual_length(model);
  if (length < 8) throw NotApplicable("it has too few positions for several documents");
  return length;
}

}  // namespace

void computes_in_its_dtype(const Subject& subject) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::NoGradGuard no_grad;
    const auto model = ready_model(subject, dtype);
    const std::int64_t length = usual_length(*model);
    const at::Tensor ids_BT = some_ids(subject, *model, 2, length);
    ForwardContext context(Phase::infer);
    const auto check = [&](const std::string& what, const at::Tensor& h_BTD) {
      const std::string where = what + " of a model in " + c10::toString(dtype);
      expect(h_BTD.sizes() == at::IntArrayRef({2, length, model->facts().hidden_size}),
             "the output of " + where + " is not [B, T, D]");
      expect(h_BTD.scalar_type() == dtype,
             "the output of " + where + " is " + c10::toString(h_BTD.scalar_type()));
      expect(all_finite(h_BTD), "the output of " + where + " is not finite");
    };
    at::Tensor h_BTD = model->embed(ids_BT, context);
    check("embed()", h_BTD);
    for (std::int64_t layer = 0; layer < model->facts().num_layers; ++layer) {
      h_BTD = model->block(layer, h_BTD, context);
      check("block " + std::to_string(layer), h_BTD);
    }
    check("final_norm()", model->final_norm(h_BTD, context));
  }
}

void keeps_batch_rows_apart(const Subject& subject) {
  const auto model = ready_model(subject);
  const at::Tensor ids_BT = some_ids(subject, *model, 3, usual_length(*model));
  const at::Tensor whole = hidden_of(*model, ids_BT);
  for (std::int64_t row = 0; row < 3; ++row) {
    expect_near(whole.narrow(0, row, 1), hidden_of(*model, ids_BT.narrow(0, row, 1)), kSamePass,
                "row " + std::to_string(row) + " of a batch is another one than alone");
  }
}

void is_causal(const Subject& subject) {
  const auto model = ready_model(subject);
  const std::int64_t length = usual_length(*model);
  if (length < 2) throw NotApplicable("it has one position only");
  const at::Tensor ids_BT = some_ids(subject, *model, 2, length);
  const at::Tensor before = hidden_of(*model, ids_BT);
  for (const std::int64_t changed : {length / 2, length - 1}) {
    const at::Tensor other = ids_BT.clone();
    other.select(1, changed).add_(1).remainder_(model->facts().vocabulary_size);
    expect_near(hidden_of(*model, other).narrow(1, 0, changed), before.narrow(1, 0, changed), kSamePass,
                "with another token at " + std::to_string(changed) + " an earlier output is another one");
  }
}

void keeps_documents_apart(const Subject& subject) {
  const auto model = ready_model(subject);
  const std::int64_t length = length_for_documents(*model);
  const at::Tensor ids_BT = some_ids(subject, *model, 2, length);
  const std::array<std::vector<std::int64_t>, 2> rows{{{1, 3, length - 4}, {4, length - 5, 1}}};
  Told told{aten::empty({2, length}, at::kLong), aten::empty({2, length}, at::kInt)};
  for (std::int64_t row = 0; row < 2; ++row) {
    std::int64_t begin = 0, number = 3;
    for (const std::int64_t size : rows[static_cast<std::size_t>(row)]) {
      told.positions[row].narrow(0, begin, size).copy_(aten::arange(size));
      told.segments_BT[row].narrow(0, begin, size).fill_(number++);
      begin += size;
    }
  }
  const at::Tensor packed = hidden_of(*model, ids_BT, told);
  for (std::int64_t row = 0; row < 2; ++row) {
    std::int64_t begin = 0;
    for (const std::int64_t size : rows[static_cast<std::size_t>(row)]) {
      const at::Tensor alone = hidden_of(*model, ids_BT.narrow(0, row, 1).narrow(1, begin, size));
      expect_near(packed.narrow(0, row, 1).narrow(1, begin, size), alone, kSamePass,
                  "a document of " + std::to_string(size) + " tokens at " + std::to_string(begin) +
                      " of a packed row, with positions of its own, is another one than alone");
      begin += size;
    }
  }
}

void follows_positions(const Subject& subject) {
  const auto model = ready_model(subject);
  const std::int64_t length = length_for_documents(*model) - 3;
  const at::Tensor ids_BT = some_ids(subject, *model, 2, length);
  const at::Tensor counted = aten::arange(length, at::kLong), later = counted + 3;
  const at::Tensor plain = hidden_of(*model, ids_BT);
  expect_near(hidden_of(*model, ids_BT, {counted}), plain, kSamePass,
              "positions 0 to T-1, [T], give something else than none");
  expect_near(hidden_of(*model, ids_BT, {counted.expand({2, length})}), plain, kSamePass,
              "positions 0 to T-1, [B, T], give something else than none");
  // A gap, since a model may look at nothing but distances.
  const at::Tensor gap = aten::cat({counted.narrow(0, 0, 2), later.narrow(0, 2, length - 2)});
  const at::Tensor mixed = hidden_of(*model, ids_BT, {aten::stack({counted, gap})});
  expect_near(mixed.narrow(0, 0, 1), plain.narrow(0, 0, 1), kSamePass,
              "a row is another one when the next has other positions");
  expect_near(mixed.narrow(0, 1, 1), hidden_of(*model, ids_BT.narrow(0, 1, 1), {gap}), kSamePass,
              "a row with positions of its own, [B, T], is another one than alone with them, [T]");
}

void decodes_with_a_cache(const Subject& subject) {
  const auto model = ready_model(subject);
  if (extension_of<KvCacheModel>(*model) == nullptr) {
    throw NotApplicable("it has no extension " + std::string(KvCacheModel::kInterface));
  }
  const at::Tensor ids_BT = some_ids(subject, *model, 2, usual_length(*model));
  const at::Tensor whole = hidden_of(*model, ids_BT);
  const std::array<std::pair<const char*, std::vector<std::int64_t>>, 4> chunkings{
      {{"in one chunk", {1000}},
       {"token by token", {1}},
       {"with a prefix of 5, then token by token", {5, 1}},
       {"in chunks of 3", {3}}}};
  for (const auto& [how, sizes] : chunkings) {
    note(std::string("decoding ") + how);
    expect_near(decoded(*model, ids_BT, sizes), whole, kSameDecoding,
                std::string("decoding ") + how + " gives something else than the whole sequence");
  }
}

void infers_in_many_threads(const Subject& subject) {
  const auto model = ready_model(subject);
  std::array<at::Tensor, 4> ids_BT, wanted;
  const std::int64_t length = usual_length(*model);
  const at::Tensor all = some_ids(subject, *model, 4, length);
  for (std::size_t i = 0; i < ids_BT.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    ids_BT[i] = all.narrow(0, row, 1).narrow(1, 0, std::max<std::int64_t>(1, length - row));
    wanted[i] = hidden_of(*model, ids_BT[i]);
  }
  on_four_threads([&](int thread) {
    const auto i = static_cast<std::size_t>(thread);
    for (int round = 0; round < 50; ++round) {
      expect(same_bits(hidden_of(*model, ids_BT[i]), wanted[i]),
             "the output is another one while other threads run the model");
    }
  });
}

void names_its_products(const Subject& subject) {
  const at::NoGradGuard no_grad;
  const auto model = ready_model(subject);
  std::map<std::string, at::Tensor> by_name;
  for (const Parameter& parameter : parameters_of(*model)) by_name[parameter.name] = parameter.value;
  Recording context;
  (void)run_model(*model, some_ids(subject, *model, 1, usual_length(*model)), context, Recompute::none);
  expect(!context.products.empty(),
         "no product goes through ForwardContext::linear(), where sharding and "
         "quantised weights would act");
  for (const LinearWeights& product : context.products) {
    const auto found = by_name.find(product.name);
    expect(found != by_name.end(), "a product is named '" + product.name + "', and no parameter is");
    expect(found->second.is_alias_of(product.weight_OI),  // a view, where a file holds inputs by outputs
           "the product '" + product.name + "' is not with the parameter of that name");
  }
}

}  // namespace easylm::exam
