// The main function of a program that tests and benchmarks talk to.
#pragma once

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "easylm/error.h"

namespace easylm::testing {

// Calls `work` with the program's arguments. What it throws goes to stderr; returns the exit code.
template <typename Work>
int run_program(int argc, char** argv, const Work& work) {
  try {
    work(std::vector<std::string>(argv + 1, argv + argc));
    return 0;
  } catch (const Error& error) {
    std::cerr << "error: " << name_of(error.code()) << ": " << error.message() << "\nhint: " << error.hint()
              << "\n";
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
  }
  return 1;
}

}  // namespace easylm::testing
