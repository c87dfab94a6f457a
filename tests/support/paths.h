// Where the checkout and what was built of it are.
#pragma once

#include <filesystem>

namespace easylm::testing {

const std::filesystem::path& source_folder();
const std::filesystem::path& build_folder();

}  // namespace easylm::testing
