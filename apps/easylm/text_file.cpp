// Writes a text and makes sure that it is written.
#include "text_file.h"

#include <fstream>

#include "easylm/error.h"

namespace easylm::app {

void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  if (stream.flush()) return;
  throw Error(ErrorCode::io, "can't write " + file.string(),
              "check that its folder is there and may be written");
}

}  // namespace easylm::app
