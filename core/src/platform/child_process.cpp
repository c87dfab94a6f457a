// Starts a program with care, and waits for it.
#include "platform/child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "easylm/error.h"

namespace easylm {
namespace {

constexpr int kCannotStart = 127;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

int opened(const char* path, int flags) {
  const int fd = ::open(path, flags | O_CLOEXEC, 0644);
  if (fd >= 0) return fd;
  throw Error(ErrorCode::io, std::string("can't open ") + path + ": " + std::strerror(errno),
              "check that its folder is there and may be written");
}

[[noreturn]] void fail_to_start(const std::filesystem::path& program, int reason) {
  throw Error(ErrorCode::io, "can't start " + program.string() + ": " + std::strerror(reason),
              "check that it is there, and the limits on processes and memory");
}

struct Streams {
  int in, out;
  int report;  // -1: none
  int news;    // closed by a start that succeeds; else the reason why it didn't comes here
};

// In the child, where only what is safe after a fork may be called.
[[noreturn]] void become(const char* program, char* const* words, const Streams& streams, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotStart);  // it ended before it could be watched
  ::dup2(streams.in, STDIN_FILENO);
  ::dup2(streams.out, STDOUT_FILENO);
  ::dup2(streams.out, STDERR_FILENO);
  if (streams.report >= 0) ::dup2(streams.report, kReportDescriptor);
  ::execv(program, words);
  const int reason = errno;
  [[maybe_unused]] const ssize_t written = ::write(streams.news, &reason, sizeof reason);
  ::_exit(kCannotStart);
}

}  // namespace

ChildProcess::ChildProcess(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                           const ChildFiles& files) {
  constexpr int kToWrite = O_WRONLY | O_CREAT | O_TRUNC;
  const Descriptor in(opened("/dev/null", O_RDONLY));
  const Descriptor out(opened(files.output.c_str(), kToWrite));
  const Descriptor report(files.report.empty() ? -1 : opened(files.report.c_str(), kToWrite));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_to_start(program, errno);
  const Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  std::vector<std::string> copies = arguments;
  copies.insert(copies.begin(), program.filename().string());
  std::vector<char*> words;
  words.reserve(copies.size() + 1);
  for (std::string& word : copies) words.push_back(word.data());
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  id_ = ::fork();
  if (id_ == 0)
    become(program.c_str(), words.data(), {in.get(), out.get(), report.get(), write_end.get()}, parent);
  if (id_ < 0) fail_to_start(program, errno);
  write_end.close();
  int reason = 0;
  ssize_t count = 0;
  do {
    count = ::read(read_end.get(), &reason, sizeof reason);
  } while (count < 0 && errno == EINTR);
  if (count == 0) return;
  while (!ended_) look(0);
  fail_to_start(program, reason);
}

ChildProcess::~ChildProcess() {
  ::kill(-id_, SIGKILL);  // its whole group
  while (!ended_) look(0);
}

void ChildProcess::pause() {
  if (ended()) return;
  ::kill(id_, SIGSTOP);
  look(WUNTRACED);
}

void ChildProcess::resume() {
  if (!ended_) ::kill(id_, SIGCONT);
}

void ChildProcess::signal(int number) {
  if (ended_) return;
  ::kill(id_, number);
  resume();
}

bool ChildProcess::ended() {
  if (!ended_) look(WNOHANG);
  return ended_;
}

int ChildProcess::signal_number() const { return WIFSIGNALED(status_) ? WTERMSIG(status_) : 0; }

int ChildProcess::exit_code() const {
  return WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
}

void ChildProcess::look(int how) {
  struct rusage usage {};
  int status = 0;
  pid_t found = 0;
  do {
    found = ::wait4(id_, &status, how, &usage);
  } while (found < 0 && errno == EINTR);
  EASYLM_CHECK(found >= 0, std::string("a child can't be waited for: ") + std::strerror(errno));
  if (found == 0 || WIFSTOPPED(status)) return;
  ended_ = true;
  status_ = status;
  peak_bytes_ = static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace easylm
