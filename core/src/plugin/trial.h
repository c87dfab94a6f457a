// Loads plugins on trial, each in a process of its own, which it may crash or hang.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "easylm/export.h"
#include "plugin/catalogue.h"

namespace easylm {

// Why a plugin that looks sound can't be loaded after all, and what to do; by its file.
using LoadFailures = std::map<std::filesystem::path, std::string>;

// Tries every plugin of which the catalogue calls a component available. One that isn't done after `limit` is
// stopped, and has failed. What plugins print is dropped. Throws Error{io} if no process can be started.
// REQUIRES: this process has one thread.
EASYLM_API LoadFailures try_loading(const Catalogue& catalogue, std::chrono::milliseconds limit);

}  // namespace easylm
