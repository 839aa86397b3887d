/* guichet send --kind voximplant. */
#pragma once

#include "cli/cli.h"

int send_kit(const struct cli_args *args);
