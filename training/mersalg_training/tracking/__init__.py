"""What a training job tells MLflow."""
