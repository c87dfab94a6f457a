// Each flipped bit and each cut of a version's files is found, and named.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "checkpoint/store_fixture.h"
#include "checkpoint/verify.h"
#include "registry/database.h"
#include "support/long_form.h"
#include "support/plugin_host.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;
using testing::short_or_long;
using testing::write_text;

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const std::vector<TensorInfo> kTensors = {
    {"layer.bias", DType::f32, {500}}, {"layer.weight", DType::f32, {100, 50}}, {"scale", DType::bf16, {3}}};

// A version as a training run writes it, in safetensors.
class DamageTest : public testing::StoreTest {
 protected:
  DamageTest() {
    CheckpointStoreOptions with_format = options();
    with_format.format = format_;
    CheckpointStore store(std::move(with_format), registry_, files_);
    saved_ = store.save({.step = 7}, [&](const fs::path& folder) {
      write(folder, "model");
      fs::create_directory(folder / "easylm");
      write(folder / "easylm", "optimizer");
      write_text(folder / "config.json", "{\"model_type\": \"llama\"}\n");
      write_text(folder / "easylm/state.json", "{\"step\": 7}\n");
    });
  }

  void write(const fs::path& folder, const std::string& stem) const {
    WritePlan plan;
    plan.stem = stem;
    plan.tensors = kTensors;
    const auto writer = format_->create(folder, plan);
    for (std::size_t i = 0; i < kTensors.size(); ++i) {
      std::vector<std::byte> bytes(static_cast<std::size_t>(kTensors[i].num_bytes()));
      for (std::size_t k = 0; k < bytes.size(); ++k) bytes[k] = static_cast<std::byte>(k * 31 + i);
      writer->write(i, 0, bytes);
    }
    writer->finish();
  }

  // The tensor that holds the byte at `offset` of a file; empty if none does.
  std::string tensor_at(const fs::path& file, std::size_t offset) const {
    const auto reader = format_->open(file);
    const std::size_t data = fs::file_size(file) - 2000 - 20000 - 6;
    std::size_t at = data;
    for (const char* name : {"layer.bias", "layer.weight", "scale"}) {
      for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
        if (reader->tensors()[i].name != name) continue;
        if (offset >= at && offset < at + reader->view(i).size()) return name;
        at += reader->view(i).size();
      }
    }
    return {};
  }

  std::vector<Finding> verify(VerifyDepth depth) {
    Verifier verifier(registry_, files_, depth, [&](const std::string&) { return format_; });
    VerifyReport report;
    verifier.verify(saved_.uri, report);
    return report.findings;
  }

  testing::PluginHost host_;
  std::shared_ptr<CheckpointFormat> format_ = host_.make<CheckpointFormat>(testing::table_of("safetensors"));
  SavedVersion saved_;
};

bool names(const std::vector<Finding>& findings, const std::string& path) {
  return std::ranges::any_of(findings, [&](const Finding& finding) {
    return finding.path == path && finding.message.find(path) != std::string::npos;
  });
}

TEST_F(DamageTest, NothingIsFoundInWhatWasJustSaved) {
  EXPECT_EQ(verify(VerifyDepth::quick).size(), 0U);
  EXPECT_EQ(verify(VerifyDepth::full).size(), 0U);
}

TEST_F(DamageTest, EachFlippedBitIsFoundInItsFileAndItsTensor) {
  std::mt19937 random(3);
  const std::vector<FileFacts> files = registry_.details(saved_.uri).files;
  for (int flip = 0; flip < short_or_long(60, 1000); ++flip) {
    const std::string& path = files[static_cast<std::size_t>(flip) % files.size()].path;
    const fs::path file = saved_.path / path;
    const std::string whole = read_text(file);
    std::string damaged = whole;
    const std::size_t at = random() % whole.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    const bool has_tensors = path.ends_with(".safetensors");
    const std::string tensor = has_tensors ? tensor_at(file, at) : "";
    write_text(file, damaged);
    const std::vector<Finding> findings = verify(VerifyDepth::quick);
    EXPECT_TRUE(names(findings, path)) << path << " at " << at;
    if (has_tensors) {
      ASSERT_EQ(findings.size(), 1U);
      EXPECT_EQ(findings[0].tensor, tensor) << path << " at " << at << ": " << findings[0].message;
      EXPECT_NE(findings[0].message.find(tensor.empty() ? "header" : tensor), std::string::npos);
    }
    write_text(file, whole);
  }
  EXPECT_EQ(verify(VerifyDepth::full).size(), 0U);
}

TEST_F(DamageTest, EachCutIsFoundInItsFile) {
  for (const FileFacts& facts : registry_.details(saved_.uri).files) {
    const std::string whole = read_text(saved_.path / facts.path);
    for (std::size_t length = 0; length < whole.size(); length += 4096) {
      write_text(saved_.path / facts.path, whole.substr(0, length));
      EXPECT_TRUE(names(verify(VerifyDepth::quick), facts.path)) << facts.path << " cut to " << length;
    }
    write_text(saved_.path / facts.path, whole);
  }
}

TEST_F(DamageTest, WhatIsMissingAndWhatIsTooMuchIsNamed) {
  fs::remove(saved_.path / "config.json");
  write_text(saved_.path / "notes.txt", "x");
  const std::vector<Finding> findings = verify(VerifyDepth::quick);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].damage, Damage::missing);
  EXPECT_EQ(findings[0].path, "config.json");
  EXPECT_EQ(findings[1].damage, Damage::extra);
  EXPECT_EQ(findings[1].path, "notes.txt");
}

TEST_F(DamageTest, OnlyAFullLookFindsWhatKeepsItsCrc) {
  Database(home_ / "registry.sqlite", DatabaseAccess::read_write)
      .execute("UPDATE files SET sha256 = replace(sha256, '0', '1') WHERE path = 'config.json'");
  EXPECT_EQ(verify(VerifyDepth::quick).size(), 1U);  // the manifest says something else
  EXPECT_TRUE(names(verify(VerifyDepth::full), "config.json"));
}

TEST_F(DamageTest, ARowThatSaysSomethingElseThanTheManifestIsFound) {
  Database(home_ / "registry.sqlite", DatabaseAccess::read_write).execute("UPDATE versions SET step = 8");
  const std::vector<Finding> findings = verify(VerifyDepth::quick);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].damage, Damage::disagree);
  EXPECT_NE(findings[0].message.find("step 7"), std::string::npos) << findings[0].message;
}

TEST_F(DamageTest, AManifestOfBeforeTensorsHadChecksumsStillVerifies) {
  const fs::path file = saved_.path / "model.safetensors";
  VersionManifest manifest = read_manifest(files_, saved_.path);
  for (FileFacts& facts : manifest.files) facts.tensors.clear();
  fs::remove(saved_.path / kManifestPath);
  const FileFacts row = write_manifest(files_, saved_.path, manifest);
  Database database(home_ / "registry.sqlite", DatabaseAccess::read_write);
  database.prepare("UPDATE files SET bytes = ?, crc32c = ?, sha256 = ? WHERE path = 'easylm/manifest.json'")
      .bind(row.bytes)
      .bind(std::int64_t{row.crc32c})
      .bind(row.sha256)
      .run();
  EXPECT_EQ(verify(VerifyDepth::full).size(), 0U);
  std::string bytes = read_text(file);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_text(file, bytes);
  const std::vector<Finding> findings = verify(VerifyDepth::quick);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].path, "model.safetensors");
  EXPECT_EQ(findings[0].tensor, "");
}

TEST_F(DamageTest, LeftoversAreNamedAndHarmNoVersion) {
  write_text(versions() / "not a folder", "x");
  fs::create_directories(versions() / "step-9.tmp-1999999999");
  fs::create_directories(versions() / "v000009");
  Verifier verifier(registry_, files_, VerifyDepth::quick, [&](const std::string&) { return format_; });
  const VerifyReport report = verifier.verify_all();
  EXPECT_EQ(report.findings.size(), 0U);
  ASSERT_EQ(report.leftovers.size(), 2U);
  EXPECT_EQ(report.leftovers[0].path.filename(), "step-9.tmp-1999999999");
  EXPECT_EQ(report.leftovers[1].path.filename(), "v000009");
}

}  // namespace
}  // namespace easylm
