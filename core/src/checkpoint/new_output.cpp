// Writes beside the place, syncs, renames.
#include "checkpoint/new_output.h"

#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

#include "checkpoint/sweep.h"
#include "easylm/error.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

bool lies_within(const fs::path& inner, const fs::path& outer) {
  std::error_code ignored;
  const fs::path relative =
      fs::weakly_canonical(inner, ignored).lexically_relative(fs::weakly_canonical(outer));
  return !relative.empty() && *relative.begin() != "..";
}

void check_source(const fs::path& to, const fs::path& source) {
  std::error_code ignored;
  if (fs::equivalent(to, source, ignored)) {
    throw Error(ErrorCode::invalid_config, to.string() + " is what is to be read", "write to another name");
  }
  if (fs::is_directory(source, ignored) && lies_within(to, source)) {
    throw Error(ErrorCode::invalid_config,
                to.string() + " lies within " + source.string() + ", which is read",
                "write to a place outside of it");
  }
}

void check_place(const fs::path& to, const FileSystem& files) {
  if (!files.exists(to)) return;
  throw Error(ErrorCode::invalid_config, to.string() + " is there already",
              "choose another name, or move it away");
}

void remove_what_the_dead_left(const fs::path& parent, const std::string& stem, FileSystem& files) {
  for (const FolderEntry& entry : files.list(parent)) {
    if (entry.kind != EntryKind::folder || !entry.name.starts_with(stem)) continue;
    if (files.try_lock(parent / entry.name).held()) files.remove_tree(parent / entry.name);
  }
}

void sync_all(const fs::path& folder, FileSystem& files) {
  for (const FolderEntry& entry : files.list(folder)) {
    if (entry.kind == EntryKind::folder) {
      sync_all(folder / entry.name, files);
    } else {
      files.sync_file(folder / entry.name);
    }
  }
  files.sync_folder(folder);
}

}  // namespace

NewOutput::NewOutput(const fs::path& to, const std::vector<fs::path>& sources, FileSystem& files)
    : to_(fs::absolute(to).lexically_normal()), files_(files) {
  if (!to_.has_filename()) to_ = to_.parent_path();
  parent_ = to_.parent_path();
  for (const fs::path& source : sources) check_source(to_, source);
  check_place(to_, files_);
  files_.create_folders(parent_);
  const std::string stem = "." + to_.filename().string() + std::string(kTemporaryMark);
  remove_what_the_dead_left(parent_, stem, files_);
  temporary_ = parent_ / (stem + std::to_string(::getpid()));
  files_.create_folder(temporary_);
  lock_.emplace(files_.try_lock(temporary_));
}

NewOutput::~NewOutput() {
  try {
    files_.remove_tree(temporary_);
  } catch (const Error&) {  // a destructor has nobody to tell; the next command of this name removes it
  }
}

fs::path NewOutput::content() {
  const fs::path ending = to_.extension();
  const auto entries = files_.list(temporary_);
  if (ending.empty()) return temporary_;
  for (const FolderEntry& entry : entries) {
    fs::path file = temporary_ / entry.name;
    if (file.extension() != ending) continue;
    if (entries.size() == 1) return file;
    throw Error(ErrorCode::invalid_config,
                to_.string() + " would be one file, and in this format the model has " +
                    std::to_string(entries.size()) + ": " + entries.front().name + " is another",
                "name a folder, without " + ending.string());
  }
  return temporary_;
}

void NewOutput::commit() {
  const fs::path made = content();
  sync_all(temporary_, files_);
  if (files_.exists(to_)) {
    throw Error(ErrorCode::io, to_.string() + " appeared while it was being written",
                "choose another name, or move it away");
  }
  files_.rename(made, to_);
  files_.sync_folder(parent_);
}

}  // namespace easylm
