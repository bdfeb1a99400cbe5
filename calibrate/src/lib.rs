//! calibrate: measurements in, constants out.
