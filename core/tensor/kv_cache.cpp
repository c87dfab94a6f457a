// A key/value cache that doubles its room.
#include "easylm/tensor/kv_cache.h"

#include <algorithm>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"

namespace easylm {
namespace {

constexpr std::int64_t kFirstCapacity = 64;

// `store` with room for `needed` tokens, its first `length` kept.
at::Tensor with_room(const at::Tensor& store_BCKH, const at::Tensor& like_BTKH, std::int64_t length,
                     std::int64_t needed) {
  const std::int64_t capacity = store_BCKH.defined() ? store_BCKH.size(1) : 0;
  if (needed <= capacity) return store_BCKH;
  std::vector<std::int64_t> shape = like_BTKH.sizes().vec();
  shape[1] = std::max({needed, 2 * capacity, kFirstCapacity});
  at::Tensor grown = aten::empty(shape, like_BTKH.options());
  if (length > 0) grown.narrow(1, 0, length).copy_(store_BCKH.narrow(1, 0, length));
  return grown;
}

}  // namespace

GrowingKvCache::GrowingKvCache(std::int64_t num_layers) : layers_(static_cast<std::size_t>(num_layers)) {}
GrowingKvCache::~GrowingKvCache() = default;

KvView::Extended GrowingKvCache::extend(std::int64_t layer, const at::Tensor& k_BTKH,
                                        const at::Tensor& v_BTKH) {
  Layer& store = layers_.at(static_cast<std::size_t>(layer));
  if (store.k_BCKH.defined()) {
    const bool same = store.k_BCKH.size(0) == k_BTKH.size(0) && store.k_BCKH.size(2) == k_BTKH.size(2) &&
                      store.k_BCKH.size(3) == k_BTKH.size(3);
    EASYLM_CHECK(same, "a key/value cache was extended with another number of rows or heads");
  }
  const std::int64_t num_new = k_BTKH.size(1);
  const std::int64_t total = store.length + num_new;
  store.k_BCKH = with_room(store.k_BCKH, k_BTKH, store.length, total);
  store.v_BCKH = with_room(store.v_BCKH, v_BTKH, store.length, total);
  store.k_BCKH.narrow(1, store.length, num_new).copy_(k_BTKH.detach());
  store.v_BCKH.narrow(1, store.length, num_new).copy_(v_BTKH.detach());
  store.length = total;
  return {store.k_BCKH.narrow(1, 0, total), store.v_BCKH.narrow(1, 0, total)};
}

std::int64_t GrowingKvCache::length() const {
  if (layers_.empty()) return 0;
  const auto shortest = std::min_element(layers_.begin(), layers_.end(),
                                         [](const Layer& a, const Layer& b) { return a.length < b.length; });
  return shortest->length;
}

void GrowingKvCache::rewind(std::int64_t length) {
  EASYLM_CHECK(length >= 0 && length <= this->length(), "a key/value cache can't go forward");
  for (Layer& layer : layers_) layer.length = length;
}

}  // namespace easylm
