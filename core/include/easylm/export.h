// Visibility of what crosses the plugin border. Everything else in our libraries is hidden.
#pragma once

#define EASYLM_API __attribute__((visibility("default")))
