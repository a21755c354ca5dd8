"""`mersalg tune`: a search for hyper-parameters that never reads the test window."""
