// Key functions of the interfaces: one home for each vtable and type, so that casts work across plugins.
#include "easylm/checkpoint_format.h"
#include "easylm/checkpoints.h"
#include "easylm/component.h"
#include "easylm/dataset.h"
#include "easylm/host.h"
#include "easylm/registrar.h"
#include "easylm/schedule.h"
#include "easylm/stage.h"
#include "easylm/tokenizer.h"
#include "easylm/tracker.h"

namespace easylm {

Component::Component() = default;
Component::~Component() = default;
void* Component::extension(std::string_view /*id*/) { return nullptr; }

Host::Host() = default;
Host::~Host() = default;
std::vector<std::string> Host::keys(std::string_view /*kind*/, std::string_view /*name*/) const { return {}; }
std::optional<std::vector<TensorInfo>> Host::model_tensors(const Table& /*model_config*/) const {
  return std::nullopt;
}
Registrar::~Registrar() = default;

Tokenizer::~Tokenizer() = default;
TextEncoder::~TextEncoder() = default;
Schedule::~Schedule() = default;
void Schedule::plan(std::int64_t /*total_steps*/) {}
Tracker::~Tracker() = default;
Stage::~Stage() = default;
StageContext::~StageContext() = default;
Checkpoints::~Checkpoints() = default;

TensorReader::~TensorReader() = default;
ReadsWithConfig::~ReadsWithConfig() = default;
std::span<const std::byte> TensorReader::view(std::size_t /*index*/) const { return {}; }
TensorWriter::~TensorWriter() = default;
CheckpointFormat::~CheckpointFormat() = default;

Dataset::~Dataset() = default;
DatasetCounter::~DatasetCounter() = default;
DocumentReader::~DocumentReader() = default;
std::int64_t Dataset::text_bytes() const { return 0; }

}  // namespace easylm
