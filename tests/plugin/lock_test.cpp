// What a lock on plugins refuses, and that nothing comes between its check and the loading.
#include "plugin/lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "easylm/error.h"
#include "easylm/schedule.h"
#include "plugin/component_maker.h"
#include "plugin/loader.h"
#include "support.h"
#include "support/fake_host.h"

namespace easylm::test {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

// Another plugin of the same size: one letter of a text that it holds.
std::string altered(std::string plugin) {
  const std::string text = "The same rate";
  for (std::size_t at = plugin.find(text); at != plugin.npos; at = plugin.find(text)) plugin[at] = 't';
  return plugin;
}

class Lock : public ::testing::Test {
 protected:
  void lock() { write_plugin_lock(lock_of(folder.scan(), home())); }
  std::filesystem::path home() const { return folder.path().parent_path() / "home"; }

  Catalogue scan(Hashing hashing = Hashing::when_loaded) const {
    return Catalogue({{folder.path()}, {}}, {}, {read_plugin_lock(home()), hashing});
  }

  double rate(const Catalogue& catalogue) {
    Table table;
    table.type = "flat";
    testing::FakeHost host;
    const auto made = ComponentMaker(catalogue, folder.path()).make(host, "schedule", table);
    const auto schedule = std::dynamic_pointer_cast<Schedule>(made);
    return schedule ? schedule->at(0) : -1;
  }

  // What making a component fails with; its code hasn't run.
  Error failure(const Catalogue& catalogue) {
    try {
      rate(catalogue);
    } catch (const Error& error) {
      EXPECT_EQ(folder.runs(), 0);
      return error;
    }
    ADD_FAILURE() << "no error";
    return {ErrorCode::internal, ""};
  }

  // Writes into the file that is there, and gives it back its old times.
  static void overwrite_unseen(const std::filesystem::path& file, const std::string& bytes) {
    struct stat before {};
    ASSERT_EQ(stat(file.c_str(), &before), 0);
    const int descriptor = open(file.c_str(), O_WRONLY);
    ASSERT_EQ(pwrite(descriptor, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    const timespec times[] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(futimens(descriptor, times), 0);
    close(descriptor);
  }

  PrivateFolder folder;
};

TEST_F(Lock, LetsWhatWasLockedBeLoaded) {
  folder.add("good.so", fixture("good"));
  lock();
  const Catalogue catalogue = scan();
  EXPECT_EQ(folder.runs(), 0);
  EXPECT_EQ(rate(catalogue), 0.5);
  EXPECT_EQ(rate(scan(Hashing::at_once)), 0.5);
  EXPECT_EQ(folder.runs(), 1);
}

TEST_F(Lock, RefusesAPluginThatItDoesNotName) {
  folder.add("text.so", "no plugin, so it isn't locked");
  lock();
  folder.add("good.so", fixture("good"));
  const Catalogue catalogue = scan();
  EXPECT_EQ(catalogue.provider("schedule", "flat"), nullptr);
  const std::string reasons = all_reasons(catalogue.entries().back().reasons);
  EXPECT_TRUE(contains(reasons, "not among the locked plugins in " + lock_file(home()).string())) << reasons;
  EXPECT_TRUE(contains(reasons, "`easylm --home " + home().string() + " plugins lock` again")) << reasons;
  EXPECT_TRUE(contains(failure(catalogue).message(), "not among the locked plugins"));
}

TEST_F(Lock, RefusesAChangedPluginWhenItIsLoadedAndNamesBothHashes) {
  const auto file = folder.add("good.so", fixture("good"));
  const std::string before = PluginFile(file).sha256().substr(0, 12);
  lock();
  folder.add("good.so", altered(fixture("good")));
  const std::string after = PluginFile(file).sha256().substr(0, 12);
  const Error error = failure(scan());
  EXPECT_EQ(error.code(), ErrorCode::plugin);
  EXPECT_TRUE(contains(error.message(), "its SHA-256 is " + after)) << error.message();
  EXPECT_TRUE(contains(error.message(), "plugins.lock says " + before)) << error.message();
  EXPECT_TRUE(contains(error.hint(), "plugins lock` again")) << error.hint();
}

TEST_F(Lock, RefusesAChangedPluginWhenItIsListed) {
  folder.add("good.so", fixture("good"));
  lock();
  EXPECT_EQ(scan(Hashing::at_once).entries()[0].status, PluginStatus::available);
  folder.add("good.so", altered(fixture("good")));
  EXPECT_EQ(scan(Hashing::when_loaded).entries()[0].status, PluginStatus::available);
  const Catalogue catalogue = scan(Hashing::at_once);
  EXPECT_EQ(catalogue.entries()[0].status, PluginStatus::refused);
  EXPECT_TRUE(contains(all_reasons(catalogue.entries()[0].reasons), "it isn't what was locked"));
}

TEST_F(Lock, RefusesAPluginThatIsSwappedAfterTheScan) {
  folder.add("good.so", fixture("good"));
  lock();
  const Catalogue catalogue = scan();
  const auto other = folder.add("other", altered(fixture("good")));
  std::filesystem::rename(other, folder.path() / "good.so");
  EXPECT_TRUE(contains(failure(catalogue).message(), "the file changed after it was checked"));
}

TEST_F(Lock, RefusesAPluginThatIsWrittenInPlaceWithItsTimesRestored) {
  const auto file = folder.add("good.so", fixture("good"));
  lock();
  const Catalogue catalogue = scan();
  const auto identity = identity_of(file);
  overwrite_unseen(file, altered(fixture("good")));
  ASSERT_EQ(identity_of(file), identity);
  EXPECT_TRUE(contains(failure(catalogue).message(), "it isn't what was locked"));
}

TEST_F(Lock, IsNotReachedByWhatIsWrittenToTheFileOnceItIsLoaded) {
  const auto file = folder.add("good.so", fixture("good"));
  lock();
  const Catalogue catalogue = scan();
  EXPECT_EQ(rate(catalogue), 0.5);
  overwrite_unseen(file, std::string(fixture("good").size(), '\0'));  // would be in the mapped code, too
  EXPECT_EQ(rate(catalogue), 0.5);
}

TEST_F(Lock, CopiesToWhereNobodyCanWrite) {
  const auto path = folder.add("good.so", fixture("good"));
  const PluginFile file(path);
  const PluginFile copy = file.sealed_copy("good.so");
  const std::string before = copy.sha256();
  EXPECT_EQ(before, file.sha256());
  overwrite_unseen(path, altered(fixture("good")));
  EXPECT_NE(file.sha256(), before);
  EXPECT_EQ(copy.sha256(), before);
  const int descriptor = open(copy.open_path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  EXPECT_EQ(pwrite(descriptor, "x", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(ftruncate(descriptor, 0), -1);
  close(descriptor);
}

TEST_F(Lock, IsATextThatSaysWhatItIsAndReadsBack) {
  folder.add("good.so", fixture("good"));
  folder.add("cuda.so", fixture("cuda"));
  lock();
  const std::string text = read_file(lock_file(home()));
  EXPECT_TRUE(text.starts_with("# Only these plugins may be loaded with this home")) << text;
  EXPECT_TRUE(contains(text.substr(0, text.find('\n')), "--remove")) << text;
  const auto read = read_plugin_lock(home());
  ASSERT_TRUE(read);
  ASSERT_EQ(read->plugins.size(), 2U);
  EXPECT_EQ(read->plugins[0].file, folder.path() / "cuda.so");
  EXPECT_EQ(read->plugins[1].name + " " + read->plugins[1].version, "fixture-good 1.2.3");
  EXPECT_EQ(read->plugins[1].sha256, PluginFile(folder.path() / "good.so").sha256());
  EXPECT_TRUE(remove_plugin_lock(home()));
  EXPECT_FALSE(remove_plugin_lock(home()));
  EXPECT_EQ(read_plugin_lock(home()), std::nullopt);
}

TEST_F(Lock, IsNeverIgnoredWhenItIsBroken) {
  const std::string digits(64, 'a');
  const auto plugin = [](const std::string& file, const std::string& sha256) {
    return "[[plugin]]\nfile = \"" + file + "\"\nname = \"n\"\nversion = \"1\"\nsha256 = \"" + sha256 +
           "\"\n";
  };
  std::filesystem::create_directory(home());
  for (const auto& [text, part] : {std::pair<std::string, std::string>{"x =\n", ":1: this isn't TOML"},
                                   {"plugin = 3\n", ":1: only tables [[plugin]] are expected"},
                                   {"\nother = 3\n", ":2: only tables [[plugin]]"},
                                   {"plugin = [3]\n", ":1: a table [[plugin]] is expected"},
                                   {plugin("/a", digits) + "x = 1\n", ":6: the key 'x' is unknown"},
                                   {"[[plugin]]\nfile = 3\n", ":2: a text is expected"},
                                   {"[[plugin]]\nfile = \"/a\"\n", ":1: the plugin has no 'name'"},
                                   {plugin("a", digits), ":1: 'a' is no absolute path"},
                                   {plugin("/a", "123"), ":1: '123' is no SHA-256"},
                                   {plugin("/a", digits) + plugin("/a", digits), ":6: /a is there twice"}}) {
    write_file(lock_file(home()), text);
    try {
      read_plugin_lock(home());
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_config);
      EXPECT_TRUE(contains(error.message(), lock_file(home()).string() + part)) << error.message();
      EXPECT_TRUE(contains(error.hint(), "plugins lock` writes it anew")) << error.hint();
    }
  }
  std::filesystem::remove(lock_file(home()));
  std::filesystem::create_directory(lock_file(home()));
  EXPECT_THROW(read_plugin_lock(home()), Error);
}

TEST_F(Lock, SaysThatALibraryBesideALockedPluginIsNotFound) {
  std::string bytes = fixture("needs_library");
  const std::string place = EASYLM_FIXTURE_DIR "/helper";
  const std::size_t at = bytes.find(place);
  ASSERT_NE(at, bytes.npos);
  bytes.replace(at, place.size(), "$ORIGIN" + std::string(place.size() - 7, '/'));
  folder.add("needs.so", bytes);
  lock();
  try {
    load_plugin(*scan().plugins().front());
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(contains(error.message(), "it needs libfixture_helper.so")) << error.message();
    EXPECT_TRUE(contains(error.hint(), "$ORIGIN in its RUNPATH leads nowhere")) << error.hint();
  }
}

}  // namespace
}  // namespace easylm::test
