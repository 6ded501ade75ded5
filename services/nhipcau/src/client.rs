//! The gRPC client of the commands that call an access point.
