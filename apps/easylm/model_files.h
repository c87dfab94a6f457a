// What the verbs share that read one model's files and write another's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipeline/model_reference.h"
#include "platform/files.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {

// Where a model lies. A version of the registry is protected from removal as long as this lives.
struct ReadPlace {
  ModelLocation location;
  FolderLock in_use;
};

ReadPlace read_place(const std::string& reference, const Session& session);

// The tokenizer that a model needs: the one that is `named`, an installed one or the place where one lies;
// else the one that the model brings. Throws Error{not_found} if it brings none.
Table tokenizer_for(Session& session, const ModelLocation& model, const std::string& named);

// A text that a user gave to a verb, as a value of a pipeline.
Value given(const std::string& text);

// Runs `body`, which signals ask to stop: Session::stop(). Its result is the exit code; what it throws after
// a signal is said, and the code is the signal's.
int run_stoppable(const Invocation& invocation, const std::function<int(Session&)>& body);

// Checks a pipeline that a verb put together, and runs its stages without a trace in the registry; returns
// the exit code. What goes wrong is logged under `word`.
int run_composed(Session& session, const Table& root, const std::vector<std::string>& sets,
                 const std::string& word);

// The same error as main() says it.
void say_error(const Error& error);

}  // namespace easylm::app
