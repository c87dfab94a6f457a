// A program that runs as a child of this process, and can be paused.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// Where what a child says goes; files that exist are overwritten.
struct ChildFiles {
  std::filesystem::path output;  // standard output and error
  std::filesystem::path report;  // kReportDescriptor; empty: the child has no such descriptor
};

constexpr int kReportDescriptor = 3;

// No child outlives this process, however it ends; nor its object, nor what the child started and left
// behind. Used by the thread that made it.
class EASYLM_API ChildProcess {
 public:
  // Starts `program` in a process group of its own, so that a terminal's signals reach only this process. It
  // reads nothing. It has started when this returns. Throws Error{io}.
  ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
               const ChildFiles& files);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t id() const { return id_; }

  // Of it alone: who stops a program and what it starts at once may stop that before it has begun, and then
  // both wait for each other.
  void pause();             // it has stopped, or ended, when this returns
  void resume();            // no harm if it isn't paused
  void signal(int number);  // and resumes it

  bool ended();  // without waiting

  // REQUIRES: ended().
  int signal_number() const;                               // of the signal that ended it; 0 if none did
  int exit_code() const;                                   // 128 and the signal's number if one ended it
  std::int64_t peak_bytes() const { return peak_bytes_; }  // most memory that it had at once

 private:
  void look(int how);  // asks the kernel for news of it

  pid_t id_;
  bool ended_ = false;
  int status_ = 0;
  std::int64_t peak_bytes_ = 0;
};

}  // namespace easylm
