"""What happened since a bundle was made: whether it still holds, and a newer calibration where that is enough."""
