"""The scorer as one ONNX graph: retrieve, featurise, rank, calibrate, decide."""
