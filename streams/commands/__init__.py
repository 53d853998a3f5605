"""One file per command: `HELP`, `arguments(parser)`, `run(args)`; the command line finds them by file name."""
