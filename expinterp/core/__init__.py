"""The numerical method: arrays in, arrays out; it reads and writes no files."""
