// The lines of JSON files, read in large blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/data_files.h"
#include "easylm/example.h"
#include "easylm/example_encoder.h"

namespace easylm::datasets {

// An example a line; a line of nothing but white space is passed over. Memory: the longest line, and a
// megabyte.
class JsonLines final : public ExampleSource {
 public:
  // REQUIRES: at least one file; `encoder` outlives this.
  JsonLines(std::vector<DataFile> files, const ExampleEncoder& encoder);
  ~JsonLines() override;
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  bool read(RawExample& raw) override;
  ExamplePlace place() const override { return place_; }
  void seek(const ExamplePlace& place) override;
  void decode(const RawExample& raw, Example& example) const override;
  std::string where(const ExamplePlace& place) const override;

 private:
  bool next_line(std::string_view& line);
  bool read_more();
  void open_file(std::int64_t file);
  void close_file();
  void begin_file(const ExamplePlace& place);
  std::size_t read_at(std::int64_t offset, char* into, std::size_t size) const;

  std::vector<DataFile> files_;
  const ExampleEncoder& encoder_;
  ExamplePlace place_;
  int fd_ = -1;
  std::int64_t open_file_ = -1;         // the file of fd_
  std::shared_ptr<std::string> block_;  // of that file; its bytes from used_ on stand at place_.offset
  std::size_t used_ = 0;
};

}  // namespace easylm::datasets
