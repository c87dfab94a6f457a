// Checkpoint formats that each break one rule. A component is called like the test that must find it.
#include "easylm/checkpoint_format.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/output_file.h"
#include "easylm/sdk/plugin.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;
using Metadata = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kMagic = "ZOO1";

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::corrupt, "a zoo file " + why); }

void put(std::string& bytes, std::uint64_t x) { bytes.append(reinterpret_cast<const char*>(&x), sizeof x); }
void put(std::string& bytes, const std::string& text) {
  put(bytes, text.size());
  bytes += text;
}

// Numbers and texts of a header, never beyond its end.
class Header {
 public:
  explicit Header(std::ifstream& in) : in_(in) {}
  std::uint64_t number(std::uint64_t most) {
    std::uint64_t x = 0;
    in_.read(reinterpret_cast<char*>(&x), sizeof x);
    if (!in_ || x > most) refuse("has a bad header");
    return x;
  }
  std::string text() {
    std::string text(number(10'000), '\0');
    in_.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!in_) refuse("has a bad header");
    return text;
  }

 private:
  std::ifstream& in_;
};

// What an animal does otherwise.
struct Habits {
  std::function<void(std::vector<TensorInfo>&)> list = [](auto&) {};
  std::function<void(std::int64_t offset, std::span<std::byte>)> read = [](auto, auto) {};
  std::function<std::vector<std::byte>(std::size_t size)> view = [](auto) {
    return std::vector<std::byte>();
  };
  std::function<void(Metadata&)> metadata = [](auto&) {};
  bool loses_slices = false, forgets_missing = false, is_always_finished = false, hoards = false;
  bool trusts_size = false;
};

class Reader : public TensorReader {
 public:
  Reader(const fs::path& path, Habits habits) : path_(path), habits_(std::move(habits)) {
    std::ifstream in(path, std::ios::binary);
    std::string magic(4, '\0');
    in.read(magic.data(), 4);
    if (!in || magic != kMagic) refuse("does not begin as one");
    Header header(in);
    for (std::uint64_t count = header.number(1000); count > 0; --count) {
      TensorInfo tensor{header.text(), static_cast<DType>(header.number(9)), {}};
      for (std::uint64_t dims = header.number(10); dims > 0; --dims) {
        tensor.shape.push_back(static_cast<std::int64_t>(header.number(1U << 30U)));
      }
      tensors_.push_back(std::move(tensor));
    }
    for (std::uint64_t count = header.number(1000); count > 0; --count) {
      std::string key = header.text();
      metadata_.emplace_back(std::move(key), header.text());
    }
    std::int64_t at = in.tellg();
    for (const TensorInfo& tensor : tensors_) {
      begins_.push_back(at);
      at += tensor.num_bytes();
    }
    const bool is_whole = static_cast<std::int64_t>(fs::file_size(path)) == at;
    if (!is_whole && !habits_.trusts_size) refuse("has another size than its header says");
    for (const TensorInfo& tensor : tensors_) {
      views_.push_back(habits_.view(static_cast<std::size_t>(tensor.num_bytes())));
    }
    habits_.list(tensors_);
    habits_.metadata(metadata_);
  }

  std::span<const TensorInfo> tensors() const override { return tensors_; }
  void read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const override {
    std::ifstream in(path_, std::ios::binary);
    in.seekg(begins_[index] + offset);
    in.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    habits_.read(offset, into);
  }
  std::span<const std::byte> view(std::size_t index) const override { return views_[index]; }
  std::optional<Table> model_config() const override { return {}; }
  std::vector<NamedFile> tokenizer_files() const override { return {}; }
  Metadata metadata() const override { return metadata_; }

 private:
  fs::path path_;
  Habits habits_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::int64_t> begins_;
  std::vector<std::vector<std::byte>> views_;
  Metadata metadata_;
};

class Writer : public TensorWriter {
 public:
  Writer(const fs::path& folder, const WritePlan& plan, Habits habits)
      : habits_(std::move(habits)), progress_(plan), file_(folder / (plan.stem + ".zoo")) {
    std::vector<std::size_t> order(plan.tensors.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::string_view(plan.tensors[i].name); });
    head_ = kMagic;
    put(head_, order.size());
    for (const std::size_t i : order) {
      put(head_, plan.tensors[i].name);
      put(head_, static_cast<std::uint64_t>(plan.tensors[i].dtype));
      put(head_, plan.tensors[i].shape.size());
      for (const std::int64_t n : plan.tensors[i].shape) put(head_, static_cast<std::uint64_t>(n));
    }
    put(head_, plan.metadata.size());
    for (const auto& [key, text] : plan.metadata) {
      put(head_, key);
      put(head_, text);
    }
    auto at = static_cast<std::int64_t>(head_.size());
    begins_.resize(order.size());
    for (const std::size_t i : order) begins_[i] = std::exchange(at, at + plan.tensors[i].num_bytes());
    file_.reserve(at);
    if (habits_.is_always_finished) file_.write_at(0, head_);
    WritePlan files;
    files.files = plan.files;
    files.stem = "files";
    write_small_files(folder, files);
  }
  void write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) override {
    progress_.add(index, offset, static_cast<std::int64_t>(data.size()));
    if (habits_.loses_slices && offset % 2 == 1) return;
    const std::string_view bytes(reinterpret_cast<const char*>(data.data()), data.size());
    if (habits_.hoards) hoard_ += bytes;
    file_.write_at(begins_[index] + offset, bytes);
  }
  void finish() override {
    if (!habits_.forgets_missing) progress_.check_complete();
    file_.write_at(0, head_);
    file_.close();
  }

 private:
  Habits habits_;
  WriteProgress progress_;
  OutputFile file_;
  std::string head_, hoard_;
  std::vector<std::int64_t> begins_;
};

// What the others break a rule of: one file, a header and then the tensors by name.
class Good : public CheckpointFormat {
 public:
  struct Config {
    static void describe(Schema<Config>& /*s*/) {}
  };
  Good(Host& /*host*/, const Config& /*config*/) {}

  int probe(const fs::path& path) const override {
    std::ifstream in(path, std::ios::binary);
    std::string magic(4, '\0');
    in.read(magic.data(), 4);
    return in && magic == kMagic ? 100 : 0;
  }
  std::unique_ptr<TensorReader> open(const fs::path& path) const override {
    if (!fs::is_regular_file(path)) refuse("is a file, and there is none");
    return std::make_unique<Reader>(path, habits());
  }
  std::unique_ptr<TensorWriter> create(const fs::path& folder, const WritePlan& plan) const override {
    return std::make_unique<Writer>(folder, plan, habits());
  }

 protected:
  virtual Habits habits() const { return {}; }
};

struct Unsorted : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    habits.list = [](std::vector<TensorInfo>& tensors) {
      if (tensors.size() > 1) std::swap(tensors[0].name, tensors[1].name);
    };
    return habits;
  }
};

struct Squares : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    habits.list = [](std::vector<TensorInfo>& tensors) {
      for (TensorInfo& tensor : tensors) {
        if (tensor.shape.size() > 2) tensor.shape = {tensor.num_bytes() / size_of(tensor.dtype)};
      }
    };
    return habits;
  }
};

struct RefusesOddly : Good {
  using Good::Good;
  std::unique_ptr<TensorWriter> create(const fs::path& folder, const WritePlan& plan) const override {
    if (plan.tensors[0].dtype == DType::boolean) throw Error(ErrorCode::io, "no room for truth");
    return Good::create(folder, plan);
  }
};

struct LosesSlices : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    habits.loses_slices = true;
    return habits;
  }
};

struct Rounds : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    habits.read = [](std::int64_t offset, std::span<std::byte> into) {
      if (offset % 4 == 3) into[0] = std::byte{0};
    };
    return habits;
  }
};

struct Imagines : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    habits.view = [](std::size_t size) { return std::vector<std::byte>(size, std::byte{0x55}); };
    return habits;
  }
};

struct Shared : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    const auto last = std::make_shared<std::atomic<std::int64_t>>(0);
    habits.read = [last](std::int64_t offset, std::span<std::byte> into) {
      *last = offset;
      std::this_thread::sleep_for(std::chrono::microseconds(1));
      if (*last != offset && !into.empty()) into[0] ^= std::byte{1};
    };
    return habits;
  }
};

struct Shy : Good {
  using Good::Good;
  int probe(const fs::path& path) const override { return Good::probe(path) == 0 ? 0 : 101; }
};

struct Greedy : Good {
  using Good::Good;
  int probe(const fs::path& path) const override {
    return fs::is_regular_file(path) ? std::max(1, Good::probe(path)) : 0;
  }
};

struct Throws : Good {
  using Good::Good;
  int probe(const fs::path& path) const override {
    return fs::exists(fs::canonical(path)) ? Good::probe(path) : 0;
  }
};

struct TakesAll : Good {
  using Good::Good;
  std::unique_ptr<TensorReader> open(const fs::path& path) const override {
    if (fs::is_regular_file(path) && fs::file_size(path) == 0) return std::make_unique<Nothing>();
    return Good::open(path);
  }
  struct Nothing : TensorReader {
    std::span<const TensorInfo> tensors() const override { return {}; }
    void read(std::size_t /*index*/, std::int64_t /*offset*/, std::span<std::byte> /*into*/) const override {}
    std::optional<Table> model_config() const override { return {}; }
    std::vector<NamedFile> tokenizer_files() const override { return {}; }
    Metadata metadata() const override { return {}; }
  };
};

struct Trusting : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    habits.trusts_size = true;
    return habits;
  }
};

// Takes the number of tensors for granted.
struct Fragile : Good {
  using Good::Good;
  std::unique_ptr<TensorReader> open(const fs::path& path) const override {
    std::ifstream in(path, std::ios::binary);
    std::uint64_t count = 0;
    in.seekg(4);
    in.read(reinterpret_cast<char*>(&count), sizeof count);
    if (in && count > 1000) throw std::length_error("tensors");
    return Good::open(path);
  }
};

struct Hasty : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    habits.is_always_finished = true;
    return habits;
  }
};

struct Forgetful : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    habits.forgets_missing = true;
    return habits;
  }
};

struct Rewrites : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    habits.metadata = [](Metadata& metadata) {
      for (auto& [key, text] : metadata) text += "!";
    };
    return habits;
  }
};

struct Hoards : Good {
  using Good::Good;
  Habits habits() const override {
    Habits habits;
    habits.hoards = true;
    return habits;
  }
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-checkpoint", "1.0.0") {
  registrar.component<easylm::Unsorted>("brings_tensors_back", "Its names are not sorted.");
  registrar.component<easylm::Squares>("brings_tensors_back-shape", "Forgets dimensions.");
  registrar.component<easylm::RefusesOddly>("brings_tensors_back-error", "Refuses with the wrong error.");
  registrar.component<easylm::LosesSlices>("takes_slices_in_any_order", "Loses slices at odd places.");
  registrar.component<easylm::Rounds>("reads_any_slice", "Reads a first byte as 0 at some places.");
  registrar.component<easylm::Imagines>("views_what_it_reads", "Its view has other bytes.");
  registrar.component<easylm::Shared>("serves_many_threads", "Threads see each other's offsets.");
  registrar.component<easylm::Shy>("knows_its_own", "Is more than certain.");
  registrar.component<easylm::Greedy>("knows_no_others", "Takes any folder for its own.");
  registrar.component<easylm::Throws>("knows_no_others-throw", "Its probe throws.");
  registrar.component<easylm::TakesAll>("refuses_what_is_none", "Opens an empty file.");
  registrar.component<easylm::Trusting>("survives_truncation", "Doesn't compare sizes.");
  registrar.component<easylm::Fragile>("survives_damage", "Throws what is no Error for a large count.");
  registrar.component<easylm::Hasty>("leaves_nothing_readable_unfinished", "Writes its header first.");
  registrar.component<easylm::Forgetful>("misses_no_byte", "Doesn't miss a byte.");
  registrar.component<easylm::Rewrites>("keeps_what_goes_with_them", "Changes metadata.");
  registrar.component<easylm::Hoards>("streams_large_tensors", "Keeps all that it writes.");
}
