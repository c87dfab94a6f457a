// Ownership and mode of a file and of every folder above it, as sshd checks them for its keys.
#include "plugin/trust.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace easylm {
namespace {

// Many systems give each user a group of the same name, and new files that this group may write to.
bool is_private_group(gid_t group, uid_t owner) {
  std::array<char, 4096> user_text{};
  std::array<char, 4096> group_text{};
  passwd user{};
  passwd* user_found = nullptr;
  struct group entry {};
  struct group* group_found = nullptr;
  if (getpwuid_r(owner, &user, user_text.data(), user_text.size(), &user_found) != 0 ||
      user_found == nullptr) {
    return false;
  }
  if (getgrgid_r(group, &entry, group_text.data(), group_text.size(), &group_found) != 0 ||
      group_found == nullptr) {
    return false;
  }
  if (user.pw_gid != group || std::strcmp(user.pw_name, entry.gr_name) != 0) return false;
  for (char** member = entry.gr_mem; *member != nullptr; ++member) {
    if (std::strcmp(*member, user.pw_name) != 0) return false;
  }
  return true;
}

std::string problem_of(const std::filesystem::path& part) {
  const std::string name = "'" + part.string() + "'";
  struct stat status {};
  if (lstat(part.c_str(), &status) != 0) return name + " can't be examined: " + std::strerror(errno);
  if (S_ISLNK(status.st_mode)) return name + " became a symbolic link: try again";
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return name + " belongs to user " + std::to_string(status.st_uid) +
           ", who could change it: take ownership (chown), or copy the plugin to a folder of yours";
  }
  if (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0) return {};
  if ((status.st_mode & S_IWOTH) != 0)
    return name + " may be written by everyone: chmod o-w " + part.string();
  if ((status.st_mode & S_IWGRP) != 0 && !is_private_group(status.st_gid, status.st_uid)) {
    return name + " may be written by its group: chmod g-w " + part.string();
  }
  return {};
}

}  // namespace

std::vector<std::string> trust_problems(const std::filesystem::path& path) {
  std::vector<std::string> problems;
  for (std::filesystem::path part = path;; part = part.parent_path()) {
    if (std::string problem = problem_of(part); !problem.empty()) problems.push_back(std::move(problem));
    if (part == part.root_path()) return problems;
  }
}

}  // namespace easylm
