// A checkpoint format for tests: an index as JSON and each tensor's bytes in a file of its own.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/error.h"
#include "easylm/json.h"

namespace easylm::testing {

inline std::string read_file(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

inline void write_file(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

class FlatFormat : public CheckpointFormat {
 public:
  int probe(const std::filesystem::path& path) const override {
    return std::filesystem::exists(index_file(path)) ? 50 : 0;
  }

  std::unique_ptr<TensorReader> open(const std::filesystem::path& path) const override {
    return std::make_unique<Reader>(index_file(path));
  }

  std::unique_ptr<TensorWriter> create(const std::filesystem::path& folder,
                                       const WritePlan& plan) const override {
    return std::make_unique<Writer>(folder, plan);
  }

 private:
  // Folder of a model, or a file as the training state names it.
  static std::filesystem::path index_file(const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path))
      return path.parent_path() / (path.stem().string() + ".index.json");
    return path / "model.index.json";
  }

  class Reader : public TensorReader {
   public:
    explicit Reader(const std::filesystem::path& index) {
      const Table table = parse_json_object(read_file(index), index.string());
      if (const Value* config = table.find("config")) config_ = *config->as<Table>();
      if (config_) config_->type = "llama";
      for (const Setting& setting : table.find("tensors")->as<Table>()->settings) {
        const Table& entry = *setting.value.as<Table>();
        TensorInfo info{setting.key, static_cast<DType>(*entry.find("dtype")->as<std::int64_t>()), {}};
        for (const Value& size : *entry.find("shape")->as<List>())
          info.shape.push_back(*size.as<std::int64_t>());
        infos_.push_back(info);
        bytes_.push_back(read_file(index.parent_path() / *entry.find("file")->as<std::string>()));
      }
    }
    std::span<const TensorInfo> tensors() const override { return infos_; }
    std::span<const std::byte> bytes(std::size_t index) const override {
      return std::as_bytes(std::span(bytes_[index]));
    }
    std::optional<Table> model_config() const override { return config_; }
    std::vector<NamedFile> tokenizer_files() const override { return {}; }
    std::vector<std::pair<std::string, std::string>> metadata() const override { return {}; }

   private:
    std::optional<Table> config_;
    std::vector<TensorInfo> infos_;
    std::vector<std::string> bytes_;
  };

  class Writer : public TensorWriter {
   public:
    Writer(std::filesystem::path folder, WritePlan plan)
        : folder_(std::move(folder)), plan_(std::move(plan)) {}

    void write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) override {
      EASYLM_CHECK(offset == 0, "this format takes whole tensors");
      write_file(folder_ / file_of(index), {reinterpret_cast<const char*>(data.data()), data.size()});
    }

    void finish() override {
      Table tensors;
      for (std::size_t i = 0; i < plan_.tensors.size(); ++i) {
        List shape(plan_.tensors[i].shape.size());
        for (std::size_t d = 0; d < shape.size(); ++d) shape[d].data = plan_.tensors[i].shape[d];
        Table entry;
        entry.set("dtype", {static_cast<std::int64_t>(plan_.tensors[i].dtype), {}});
        entry.set("shape", {std::move(shape), {}});
        entry.set("file", {file_of(i), {}});
        tensors.set(plan_.tensors[i].name, {std::move(entry), {}});
      }
      Table index;
      index.set("tensors", {std::move(tensors), {}});
      if (plan_.model_config) {
        plan_.model_config->type.clear();
        index.set("config", {*plan_.model_config, {}});
      }
      write_file(folder_ / (plan_.stem + ".index.json"), json_text(index));
      for (const NamedFile& file : plan_.files) write_file(folder_ / file.name, file.bytes);
    }

   private:
    std::string file_of(std::size_t index) const { return plan_.stem + "." + std::to_string(index); }

    std::filesystem::path folder_;
    WritePlan plan_;
  };
};

}  // namespace easylm::testing
