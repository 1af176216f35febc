"""What makes features: one folder a method."""
