//! The facade: every Stitchwork layer behind one feature each.
