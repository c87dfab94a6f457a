// One configuration in the words of transformers 4 and of transformers 5.
#include "safetensors/config_style.h"

#include <gtest/gtest.h>

#include "easylm/json.h"

namespace easylm::safetensors {
namespace {

std::string styled(const std::string& config, const char* style) {
  return json_text(in_style(parse_json_object(config, "config.json"), style));
}
std::string text(const std::string& config) { return json_text(parse_json_object(config, "config.json")); }

const std::string kV4 = R"({"vocab_size": 9, "torch_dtype": "bfloat16", "rope_theta": 5e5, "rope_scaling":
  {"rope_type": "llama3", "factor": 8.0}})";
const std::string kV5 = R"({"vocab_size": 9, "dtype": "bfloat16", "rope_parameters":
  {"rope_type": "llama3", "factor": 8.0, "rope_theta": 5e5}})";

TEST(ConfigStyle, SaysTheSameInEitherVersionsWords) {
  EXPECT_EQ(styled(kV4, "v5"), text(kV5));
  EXPECT_EQ(styled(kV5, "v4"), text(kV4));
  for (const std::string& config : {kV4, kV5}) EXPECT_EQ(styled(config, "as_is"), text(config));
  EXPECT_EQ(styled(kV4, "v4"), text(kV4));
  EXPECT_EQ(styled(kV5, "v5"), text(kV5));
}

TEST(ConfigStyle, PlainRotaryNeedsNoScaling) {
  EXPECT_EQ(styled(R"({"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}})", "v4"),
            text(R"({"rope_theta": 1e4})"));
  EXPECT_EQ(styled(R"({"rope_theta": 1e4})", "v5"),
            text(R"({"rope_parameters": {"rope_theta": 1e4, "rope_type": "default"}})"));
  EXPECT_EQ(styled(R"({"vocab_size": 9})", "v5"), text(R"({"vocab_size": 9})"));
}

TEST(ConfigStyle, TheOlderWordForTheTypeBecomesTheNewerOne) {
  EXPECT_EQ(styled(R"({"rope_scaling": {"type": "linear", "factor": 2.0}})", "v5"),
            text(R"({"rope_parameters": {"rope_type": "linear", "factor": 2.0}})"));
}

}  // namespace
}  // namespace easylm::safetensors
