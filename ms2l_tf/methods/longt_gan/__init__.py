"""LongT GAN: re-generation of masked clips with an adversary."""
