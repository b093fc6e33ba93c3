#pragma once
#include "base/err.h"
#include "config/config.h"
/*
 * The server: start, run until SIGTERM or SIGINT, stop in order. Logs what it does; returns the process's exit status.
 *
 * Start:  data folder locked -> shards listen (503 until ready) -> store opened, journal replayed -> shards take requests
 * Stop:   listeners close -> requests in progress finish (server.drain at most) -> groups durable -> loops end -> store closed
 */
int server_run(const struct config *c);
