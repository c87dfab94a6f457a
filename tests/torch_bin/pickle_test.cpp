// Pickles that nobody vouches for: every one is refused by what it asks for, or read without running
// anything.
#include "torch_bin/pickle.h"

#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <random>

#include "easylm/error.h"

namespace easylm::torch_bin {
namespace {

using namespace std::string_literals;

std::string text(const std::string& s) {
  std::string out = "X";
  for (unsigned i = 0; i < 4; ++i) out += static_cast<char>(s.size() >> 8 * i & 0xff);
  return out + s;
}
std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
std::string byte(int x) { return "K" + std::string(1, static_cast<char>(x)); }

const std::string kStart = "\x80\x02";
const std::string kHooks = global("collections", "OrderedDict") + ")R";

std::string storage(const std::string& type = "FloatStorage", const std::string& elements = byte(12)) {
  return "(" + text("storage") + global("torch", type) + text("0") + text("cpu") + elements + "tQ";
}
std::string tensor(const std::string& stored, const std::string& arguments) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + stored + arguments + "\x89" + kHooks + "tR";
}
const std::string kShape = byte(0) + byte(3) + byte(4) + "\x86" + byte(4) + byte(1) + "\x86";
const std::string kTensor = tensor(storage(), kShape);
const std::string kGood = kStart + "}" + "(" + text("a") + kTensor + "u.";

std::vector<PickledTensor> read(const std::string& pickle) {
  return read_pickle(std::as_bytes(std::span(pickle.data(), pickle.size())), "x.bin");
}

TEST(Pickle, ReadsADictionaryOfTensors) {
  const auto tensors = read(kGood);
  ASSERT_EQ(tensors.size(), 1U);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_EQ(tensors[0].dtype, DType::f32);
  EXPECT_EQ(tensors[0].storage, "0");
  EXPECT_EQ(tensors[0].storage_elements, 12);
  EXPECT_EQ(tensors[0].layout.shape, (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(tensors[0].layout.strides, (std::vector<std::int64_t>{4, 1}));
  // Keys one by one, a parameter, torch.Size, a long, an ordered dictionary with attributes.
  const std::string parameter =
      global("torch._utils", "_rebuild_parameter") + "(" +
      tensor(storage("HalfStorage", "\x8a\x02\x0c\x00"s),
             byte(1) + global("torch", "Size") + byte(3) + "\x85\x85R" + byte(1) + "\x85") +
      "\x88" + kHooks + "tR";
  const auto ordered = read(kStart + kHooks + text("b") + parameter + "s}" + text("_metadata") + "}sb.");
  ASSERT_EQ(ordered.size(), 1U);
  EXPECT_EQ(ordered[0].dtype, DType::f16);
  EXPECT_EQ(ordered[0].storage_elements, 12);
  EXPECT_EQ(ordered[0].layout.first, 1);
}

struct Hostile {
  const char* name;
  std::string pickle;
  const char* message;  // a part of it
  ErrorCode code = ErrorCode::corrupt;
};

std::ostream& operator<<(std::ostream& out, const Hostile& hostile) { return out << hostile.name; }

class HostilePickle : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostilePickle, IsRefusedByName) {
  const Hostile& hostile = GetParam();
  try {
    read(hostile.pickle);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), hostile.code) << error.message();
    EXPECT_EQ(error.message().rfind("x.bin: ", 0), 0U) << error.message();
    EXPECT_NE(error.message().find(hostile.message), std::string::npos) << error.message();
    EXPECT_FALSE(error.hint().empty());
  }
}

std::string with(const std::string& value) { return kStart + "}" + text("a") + value + "s."; }

// Each list holds the one before twice.
std::string laughs() {
  std::string pickle = kStart + "]";
  for (int i = 0; i < 60; ++i)
    pickle += "q" + std::string(1, static_cast<char>(i)) + "](h" + std::string(1, static_cast<char>(i)) +
              "h" + std::string(1, static_cast<char>(i)) + "e";
  return pickle + ".";
}

constexpr ErrorCode kUnsupported = ErrorCode::unsupported;

const std::vector<Hostile> kHostile = {
    {"Empty", "", "ends too early"},
    {"Protocol4", "\x80\x04}.", "not of protocol 2", kUnsupported},
    {"NoProtocol", "}.", "not of protocol 2", kUnsupported},
    {"CallsOsSystem", kStart + global("os", "system") + "(" + text("touch /tmp/x") + "tR.",
     "asks for \"os.system\"", kUnsupported},
    {"CallsEval", with(global("builtins", "eval") + text("1") + "\x85R"), "\"builtins.eval\"", kUnsupported},
    {"LoadsABytesPickle", with(global("torch.storage", "_load_from_bytes") + ")R"),
     "\"torch.storage._load_from_bytes\"", kUnsupported},
    {"RebuildsASubclass", with(global("torch._tensor", "_rebuild_from_type_v2") + ")R"),
     "\"torch._tensor._rebuild_from_type_v2\"", kUnsupported},
    {"NameThatJoinsToAKnownOne", with(global("torch._utils _rebuild", "tensor_v2")), "asks for",
     kUnsupported},
    {"LongGlobal", with(global(std::string(100000, 'x'), "y")), "asks for", kUnsupported},
    {"GlobalWithoutEnd", kStart + "cos", "ends too early"},
    {"Instance", kStart + "(ios\nsystem\n.", "operation 105", kUnsupported},
    {"NewObject", kStart + kHooks + ")\x81.", "operation 129", kUnsupported},
    {"StackGlobal", kStart + text("os") + text("system") + "\x93.", "operation 147", kUnsupported},
    {"Extension", kStart + "\x82\x01.", "operation 130", kUnsupported},
    {"OldText", kStart + "Va\n.", "operation 86", kUnsupported},
    {"NoStop", kStart + "}", "ends too early"},
    {"BytesAfterStop", kStart + "}.x", "bytes follow"},
    {"NothingMade", kStart + ".", "takes more than it made"},
    {"NoMark", kStart + "t.", "a mark that isn't there"},
    {"TakesFromBelowAMark", kStart + "}(s.", "takes more than it made"},
    {"TextOf4GB", kStart + "X\xff\xff\xff\xff" + "a.", "ends too early"},
    {"LongOf255Bytes", kStart + "\x8a\xff" + std::string(255, '\x7f') + ".", "more than 64 bits"},
    {"RecallsNothing", kStart + "h\x05.", "never made"},
    {"AppendsToANumber", kStart + byte(1) + byte(2) + "a.", "no list"},
    {"KeyInANumber", kStart + byte(1) + byte(2) + byte(3) + "s.", "no dictionary"},
    {"KeyWithoutValue", kStart + "}(" + byte(1) + "u.", "without a value"},
    {"AttributesOfANumber", kStart + byte(1) + "}b.", "attributes"},
    {"CallsANumber", kStart + byte(1) + ")R.", "calls a whole number"},
    {"CallsAStorageType", with(global("torch", "FloatStorage") + ")R"), "calls torch.FloatStorage"},
    {"OrderedDictOfPairs", with(global("collections", "OrderedDict") + "]\x85R"),
     "calls collections.OrderedDict"},
    {"StorageIsAText", with(text("storage") + "Q"), "a storage is a text"},
    {"StorageOfAnUnknownThing",
     with("(" + text("module") + global("torch", "FloatStorage") + text("0") + text("cpu") + byte(1) + "tQ"),
     "no storage of a tensor"},
    {"StorageOfAFunction",
     with("(" + text("storage") + global("torch", "Size") + text("0") + text("cpu") + byte(1) + "tQ"),
     "no storage of a tensor"},
    {"NegativeStorage", with(tensor(storage("FloatStorage", "J\xff\xff\xff\xff"), kShape)),
     "no storage of a tensor"},
    {"TensorOfAText", with(tensor(text("a"), kShape)), "something else than a storage"},
    {"TensorWithoutStrides", with(tensor(storage(), byte(0) + byte(3) + "\x85" + ")")), "number of strides"},
    {"ShapeOfTexts", with(tensor(storage(), byte(0) + text("a") + "\x85" + byte(1) + "\x85")),
     "a shape holds a text"},
    {"ShapeIsAList", with(tensor(storage(), byte(0) + "]]")), "a shape is a list"},
    {"SingleTensor", kStart + kTensor + ".", "a single tensor", kUnsupported},
    {"List", kStart + "].", "holds a list", kUnsupported},
    {"NumberForATensor", with(byte(1)), "\"a\" is a whole number", kUnsupported},
    {"KeyIsANumber", kStart + "}" + byte(1) + kTensor + "s.", "a key of its dictionary is a whole number",
     kUnsupported},
    {"NameTwice", kStart + "}" + text("a") + kTensor + "s" + text("a") + kTensor + "s.", "\"a\" comes twice"},
    {"NoName", kStart + "}" + text("") + kTensor + "s.", "has no name"},
    {"ListInItself", kStart + "]q\x01h\x01" + "a.", "holds a list", kUnsupported},
    {"DictionaryInItself", kStart + "}q\x01" + text("a") + "h\x01s.", "\"a\" is a dictionary", kUnsupported},
    {"BillionLaughs", laughs(), "holds a list", kUnsupported},
    {"EndlessMarks", kStart + std::string(5'000'000, '('), "longer than that of any model"},
    {"EndlessTuples", kStart + std::string(5'000'000, ')') + ".", "longer than that of any model"},
};

INSTANTIATE_TEST_SUITE_P(All, HostilePickle, ::testing::ValuesIn(kHostile),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Pickle, SurvivesEveryCutAndEveryFlippedBit) {
  for (std::size_t size = 0; size < kGood.size(); ++size) EXPECT_THROW(read(kGood.substr(0, size)), Error);
  for (std::size_t bit = 0; bit < 8 * kGood.size(); ++bit) {
    std::string pickle = kGood;
    pickle[bit / 8] = static_cast<char>(pickle[bit / 8] ^ (1 << bit % 8));
    try {
      read(pickle);
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal) << error.message();
    }
  }
}

}  // namespace
}  // namespace easylm::torch_bin
