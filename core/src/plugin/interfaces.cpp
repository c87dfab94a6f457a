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
Registrar::~Registrar() = default;

Tokenizer::~Tokenizer() = default;
Schedule::~Schedule() = default;
void Schedule::plan(std::int64_t /*total_steps*/) {}
Tracker::~Tracker() = default;
Stage::~Stage() = default;
StageContext::~StageContext() = default;
Checkpoints::~Checkpoints() = default;

TensorReader::~TensorReader() = default;
TensorWriter::~TensorWriter() = default;
CheckpointFormat::~CheckpointFormat() = default;

Dataset::~Dataset() = default;
std::int64_t Dataset::text_bytes() const { return 0; }

}  // namespace easylm
