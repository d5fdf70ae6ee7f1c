/* The server: builds the parts, runs them, and takes them down again in the order that their work
 * allows. */
#ifndef WEFT_SERVER_H
#define WEFT_SERVER_H

#include "config.h"

/* Serves until SIGTERM or SIGINT, then drains. False: it could not begin, or not end well; what
 * went wrong has been logged. */
bool server_run(const config *settings);

#endif
