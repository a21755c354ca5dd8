"""The files of a bundle, written whole or not at all."""
