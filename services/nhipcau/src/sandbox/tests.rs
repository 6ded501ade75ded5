//! What a sandbox promises on disk. That it runs is shown by `make sandbox`, `make demo` and the tests of processes.
