"""A bundle on a later window, beside baselines, on the same requests."""
