"""A run: its folder, its clips, and the model its settings describe."""
