// A save that the disk cuts short registers nothing that isn't whole. tests/reliability kills it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "checkpoint/store_fixture.h"
#include "easylm/error.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;
using testing::StoreTest;

// Answers call number `failing` (from 0) with `error`, and every later one if `for_good`.
class FailingCalls : public SystemCalls {
 public:
  FailingCalls(int failing, int error, bool for_good) : left_(failing), error_(error), for_good_(for_good) {}

  bool failed() const { return failed_; }
  const std::string& what() const { return what_; }

  int open(const char* p, int f, unsigned m) override {
    return fails("open") ? -1 : SystemCalls::open(p, f, m);
  }
  ssize_t read(int d, void* i, std::size_t n) override {
    return fails("read") ? -1 : SystemCalls::read(d, i, n);
  }
  ssize_t write(int d, const void* b, std::size_t n) override {
    return fails("write") ? -1 : SystemCalls::write(d, b, n);
  }
  int fsync(int d) override { return fails("fsync") ? -1 : SystemCalls::fsync(d); }
  int close(int d) override {
    const int result = SystemCalls::close(d);  // a failing close closes all the same
    return fails("close") ? -1 : result;
  }
  int mkdir(const char* p, unsigned m) override { return fails("mkdir") ? -1 : SystemCalls::mkdir(p, m); }
  int rename(const char* a, const char* b) override {
    return fails("rename") ? -1 : SystemCalls::rename(a, b);
  }
  int list(const char* p, std::vector<FolderEntry>& e) override {
    return fails("list") ? -1 : SystemCalls::list(p, e);
  }
  std::int64_t free_bytes(const char* p) override { return fails("free") ? -1 : SystemCalls::free_bytes(p); }

 private:
  bool fails(const char* call) {
    if (left_-- > 0 || (failed_ && !for_good_)) return false;
    if (!failed_) what_ = call;
    failed_ = true;
    errno = error_;
    return true;
  }

  int left_;
  int error_;
  bool for_good_;
  bool failed_ = false;
  std::string what_;
};

class FailureTest : public StoreTest, public ::testing::WithParamInterface<std::pair<int, bool>> {};

TEST_P(FailureTest, NoCallThatFailsLeavesAVersionThatIsNotWhole) {
  const auto [error, for_good] = GetParam();
  CheckpointStore good(options(), registry_, files_);
  save(good, 1);
  std::size_t saved = 1;
  int refused = 0;
  for (int failing = 0;; ++failing) {
    FailingCalls broken(failing, error, for_good);
    FileSystem broken_files(broken);
    CheckpointStore store(options(), registry_, broken_files);
    try {
      save(store, failing + 2);
      ++saved;
    } catch (const Error& problem) {
      EXPECT_EQ(problem.code(), ErrorCode::io) << problem.message();
      EXPECT_FALSE(problem.hint().empty());
      ++refused;
    }
    ASSERT_EQ(registry_.list().size(), saved) << "call " << failing << ", " << broken.what();
    for (const VersionRecord& version : registry_.list()) {
      EXPECT_NO_THROW(open_manifest(files_, version.path)) << version.uri();
    }
    if (!broken.failed()) break;
    ASSERT_LT(failing, 500);
  }
  EXPECT_GT(refused, 20);
  CheckpointStore last(options(), registry_, files_);  // whatever could not be removed then is removed now
  save(last, 1000);
  EXPECT_EQ(entries().size(), registry_.list().size());
}

INSTANTIATE_TEST_SUITE_P(Disk, FailureTest,
                         ::testing::Values(std::pair{EIO, false}, std::pair{ENOSPC, true}));

// Interrupts every call once and writes a byte at a time.
class NervousCalls : public SystemCalls {
 public:
  int open(const char* p, int f, unsigned m) override { return nervous() ? -1 : SystemCalls::open(p, f, m); }
  ssize_t read(int d, void* i, std::size_t n) override {
    return nervous() ? -1 : SystemCalls::read(d, i, std::min<std::size_t>(n, 1000));
  }
  ssize_t write(int d, const void* b, std::size_t n) override {
    return nervous() ? -1 : SystemCalls::write(d, b, std::min<std::size_t>(n, 100));
  }
  int mkdir(const char* p, unsigned m) override { return nervous() ? -1 : SystemCalls::mkdir(p, m); }
  int rename(const char* a, const char* b) override { return nervous() ? -1 : SystemCalls::rename(a, b); }

 private:
  bool nervous() {
    interrupt_ = !interrupt_;
    errno = EINTR;
    return interrupt_;
  }
  bool interrupt_ = false;
};

TEST_F(StoreTest, InterruptedCallsAndShortWritesDoNoHarm) {
  NervousCalls calls;
  FileSystem files(calls);
  CheckpointStore store(options(), registry_, files);
  const SavedVersion saved = save(store, 1);
  EXPECT_EQ(open_manifest(files_, saved.path).files.size(), 3U);
}

class CountingCalls : public SystemCalls {
 public:
  int fsync(int /*fd*/) override {
    ++count;
    errno = EIO;
    return -1;
  }
  int count = 0;
};

TEST_F(StoreTest, AFailedFsyncIsNeverRepeated) {
  CheckpointStore first(options(), registry_, files_);
  save(first, 1);
  CountingCalls calls;
  FileSystem files(calls);
  CheckpointStore store(options(), registry_, files);
  EXPECT_THROW(save(store, 2), Error);
  EXPECT_EQ(calls.count, 1);
  EXPECT_EQ(registry_.list().size(), 1U);
}

class FullDisk : public SystemCalls {
 public:
  std::int64_t free_bytes(const char* /*path*/) override { return 5000; }
};

TEST_F(StoreTest, LooksAtFreeSpaceBeforeItWrites) {
  CheckpointStore first(options(), registry_, files_);
  save(first, 1);
  FullDisk calls;
  FileSystem files(calls);
  CheckpointStore store(options(), registry_, files);
  try {
    store.save({.step = 2}, [](const fs::path&) { FAIL() << "fill was called"; });
    FAIL() << "saved on a full disk";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("5.0 kB free"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace easylm
